"""How it is run: one patient, local processes, Dask, an estimate, progress."""
