"""Numba's cache of a kernel, in a folder of our own.

Numba knows one cache folder for all packages of a process, and makes it while they are imported.
Here the folder is that of our kernels alone, and is looked for when one is first compiled.
"""

import os
import uuid
from contextlib import contextmanager, suppress
from functools import cached_property

from numba.core import caching

from tcellabm.kernels.cache import folder


class _Place(caching._SourceFileBackedLocatorMixin, caching._CacheLocator):
    def __init__(self, py_func, py_file):
        self._py_file = py_file
        self._lineno = py_func.__code__.co_firstlineno

    def get_cache_path(self):
        return str(folder())

    def ensure_cache_path(self):
        """Do nothing: `folder` has made it."""


class _Content(caching.CompileResultCacheImpl):
    _locator_classes = [_Place]


class _Files(caching.IndexDataCacheFile):
    @contextmanager
    def _open_for_write(self, filepath):
        """Write a file that is there whole or not at all, and that nobody else may read."""
        part = f"{filepath}.tmp.{uuid.uuid4().hex[:16]}"
        try:
            with open(part, "xb", opener=_open_private) as file:
                yield file
            os.replace(part, filepath)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)


def _open_private(path, flags):
    return os.open(path, flags, 0o600)


class _Kept(caching.FunctionCache):
    _impl_class = _Content

    def __init__(self, py_func, kind):
        super().__init__(py_func)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self.cache_path, self._impl.filename_base + kind, stamp)


class KernelCache(caching.NullCache):
    """The cache of one kernel. What goes wrong with it costs time and never a run.

    Parameters
    ----------
    py_func : function
        The kernel before it is compiled.
    kind : str
        A word that tells two ways of compiling it apart.
    """

    def __init__(self, py_func, kind=""):
        self._py_func, self._kind = py_func, kind

    @cached_property
    def _kept(self):
        return caching.NullCache() if folder() is None else _Kept(self._py_func, self._kind)

    @property
    def cache_path(self):
        """Folder of the kernel, or None."""
        return self._kept.cache_path

    def load_overload(self, sig, target_context):
        """Return a compiled kernel from the disk, or None."""
        try:
            return self._kept.load_overload(sig, target_context)
        except OSError:
            return None
        except Exception:  # a damaged file is as good as none
            self.flush()
            return None

    def save_overload(self, sig, data):
        """Keep a compiled kernel, if the disk takes it."""
        with suppress(OSError):
            self._kept.save_overload(sig, data)

    def flush(self):
        """Forget what is kept of the kernel."""
        with suppress(OSError):
            self._kept.flush()
