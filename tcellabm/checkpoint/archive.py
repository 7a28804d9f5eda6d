"""Arrays in an npz file, looked at by what they declare before any of them is unpacked."""

import os
import zipfile
from collections.abc import Mapping
from typing import IO, NamedTuple, Self

import numpy as np
from numpy.lib import format as npy

MOST_BYTES = 2**31  # of all arrays unpacked
_LONGEST_HEADER = 4096
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Declared(NamedTuple):
    """What an array says of itself."""

    dtype: np.dtype
    shape: tuple[int, ...]


class Archive:
    """The arrays of one file by name.

    Nothing is unpacked that is larger than declared: `zipfile` reads no further.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a file.

        Raises
        ------
        zipfile.BadZipFile, ValueError
            It is no archive of arrays, or they claim to be larger than those of any model.
        """
        self._zip = zipfile.ZipFile(path)
        parts = self._zip.infolist()
        self._parts = {part.filename.removesuffix(".npy"): part for part in parts}
        if len(self._parts) < len(parts):
            raise ValueError("two arrays of one name")
        if (size := sum(part.file_size for part in parts)) > MOST_BYTES:
            raise ValueError(f"{size} bytes unpacked, at most {MOST_BYTES}")

    def __enter__(self) -> Self:
        """Keep the file open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._zip.close()

    def read(self, name: str, most_bytes: int = MOST_BYTES) -> np.ndarray:
        """Return an array.

        Raises
        ------
        KeyError, ValueError
            There is none of that name, or it is larger than `most_bytes`.
        """
        if (size := self._parts[name].file_size) > most_bytes:
            raise ValueError(f"{name} of {size} bytes, at most {most_bytes}")
        self._declared(name)
        with self._zip.open(self._parts[name]) as file:
            array: np.ndarray = npy.read_array(file, allow_pickle=False)
            return array

    def like(
        self, patterns: Mapping[str, np.ndarray], free: Mapping[str, int]
    ) -> dict[str, np.ndarray]:
        """Return arrays of the names, types and shapes of others.

        Parameters
        ----------
        patterns : mapping of str to array
            What they must be like; nothing else may be in the file.
        free : mapping of str to int
            Those whose length is their own, and how long they may be.

        Raises
        ------
        ValueError
            One declares to be something else; then none is unpacked.
        """
        if odd := sorted(self._parts.keys() ^ patterns.keys()):
            raise ValueError(f"array {odd[0]!r} is missing or not known")
        wanted = {name: array for name, array in patterns.items() if array.size or name in free}
        for name, array in wanted.items():
            self._compare(name, array, free.get(name))
        return {name: self.read(name) for name in wanted}

    def _compare(self, name: str, pattern: np.ndarray, most: int | None) -> None:
        dtype, shape = self._declared(name)
        fits = shape == pattern.shape if most is None else len(shape) == 1 and shape[0] <= most
        if dtype != pattern.dtype or not fits:
            allowed = f"of shape {pattern.shape}" if most is None else f"of up to {most}"
            raise ValueError(f"{name}: {dtype} of shape {shape}, not {pattern.dtype} {allowed}")

    def _declared(self, name: str) -> Declared:
        """Return type and shape of an array, which must add up to its size."""
        part = self._parts[name]
        with self._zip.open(part) as file:
            declared = _read_header(file)
            size = declared.dtype.itemsize * int(np.prod(declared.shape, dtype=object))
            if file.tell() + size != part.file_size:
                raise ValueError(f"{name} is not of the size that it declares")
        return declared


def _read_header(file: IO[bytes]) -> Declared:
    version = npy.read_magic(file)
    if version not in _READERS:
        raise ValueError(f"array format {version}")
    shape, in_columns, dtype = _READERS[version](file, max_header_size=_LONGEST_HEADER)
    if in_columns or dtype.hasobject:
        raise ValueError(f"an array of {dtype}")
    return Declared(dtype, shape)
