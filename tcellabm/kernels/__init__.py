"""Compiled loops: Numba and NumPy only, no units, no biological constants."""
