"""A disk one call of which fails: SQLite's way to test what is done about it."""

import errno
import fcntl
import io
import os
import sys
from contextlib import contextmanager
from unittest import mock

PATHS = ("replace", "rename", "unlink", "rmdir", "mkdir", "link", "listdir", "scandir", "stat")
HANDLES = ("fsync",)
IN_FILES = ("write", "flush", "read", "readinto", "close")
# What a full disk refuses; it lets read and delete.
FILLING = {"open w", "write", "flush", "fsync", "close", "replace", "rename", "mkdir", "link"}
ONCE, FULL = "once", "full from then on"


class Disk:
    """Counts the calls below a folder, and has one fail, or all that fill it from then on.

    Attributes
    ----------
    calls : list of str
        What was asked of the disk, in order, up to the end.
    failed : str
        The first call that failed; empty if none did.
    """

    def __init__(self, folder, fail_at=0, way=ONCE):
        self.folder, self.fail_at, self.way = str(folder), fail_at, way
        self.calls, self.failed = [], ""

    def meet(self, call, path, folder=None):
        """Count a call, and fail if it is its turn."""
        path = self._resolved(path, folder)
        if not f"{path}/".startswith(self.folder + "/"):
            return
        full = self.way == FULL
        if full and call not in FILLING:
            return
        self.calls.append(call)
        due = len(self.calls) >= self.fail_at if full else len(self.calls) == self.fail_at
        if self.fail_at and due:
            self.failed = self.failed or f"{call} {os.path.relpath(path, self.folder)}"
            number = errno.ENOSPC if full else errno.EIO
            raise OSError(number, os.strerror(number), path)

    @staticmethod
    def _resolved(path, folder):
        if isinstance(path, int):
            return os.readlink(f"/proc/self/fd/{path}")
        if folder is not None:
            return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))
        return os.path.abspath(os.fsdecode(path))

    @contextmanager
    def in_use(self):
        """Have all calls of this process go through this disk."""
        with (
            mock.patch.multiple(os, open=self._open, **self._os_calls()),
            mock.patch("builtins.open", self._opened),
            mock.patch.object(io, "open", self._opened),
            mock.patch.object(fcntl, "flock", self._wrapped("flock", fcntl.flock)),
        ):
            yield self

    def _os_calls(self):
        return {name: self._wrapped(name, getattr(os, name)) for name in (*PATHS, *HANDLES)}

    def _wrapped(self, name, real):
        def call(path=".", *rest, **words):
            folder = words.get("dir_fd", words.get("src_dir_fd"))
            if isinstance(path, str | bytes | int | os.PathLike):
                self.meet(name, path, folder)
            return real(path, *rest, **words)

        return call

    def _open(self, path, flags, *rest, real=os.open, **words):
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        self.meet("open w" if writes else "open r", path, words.get("dir_fd"))
        return real(path, flags, *rest, **words)

    def _opened(self, path, mode="r", *rest, real=open, **words):
        if isinstance(path, int):
            return real(path, mode, *rest, **words)
        self.meet("open r" if mode in ("r", "rb") else "open w", path)
        return _File(real(path, mode, *rest, **words), path, self)


class _File:
    """A file whose calls go through a disk; what fails to be written is written by half."""

    def __init__(self, file, path, disk):
        self._file, self._path, self._disk = file, path, disk

    def __getattr__(self, name):
        own = getattr(self._file, name)
        if name not in IN_FILES:
            return own

        def call(*words):
            try:
                self._disk.meet(name, self._path)
            except OSError:
                if name == "write":
                    self._file.write(words[0][: len(words[0]) // 2])
                if name == "close":
                    self._file.close()
                raise
            return own(*words)

        return call

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.close()
        finally:
            self._file.close()

    def __iter__(self):
        return iter(self._file)


assert sys.platform.startswith("linux"), "names of open files are looked up in /proc"
