"""Make the C library keep and reuse the large buffers of a forward and backward pass.

glibc returns every large buffer to the system when it is freed, so each step of training faults its memory in again,
page by page. On a virtual machine that costs more than the arithmetic: 40 tokens/s became 280
(docs/log.md, 2026-11-23).
Must run before torch allocates; other C libraries are left alone.
"""

from __future__ import annotations

__all__ = ["keep_memory", "release_memory"]

import ctypes
import os
import sys

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4


def keep_memory() -> bool:
    """Set glibc's allocator to reuse large buffers and torch's to ask for huge pages. Return whether it could."""
    if not sys.platform.startswith("linux"):
        return False
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has no mallopt
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 64 * 2**20))
    done = [mallopt(option, value) for option, value in settings]  # every one, whatever the others say
    return all(done)


def release_memory() -> None:
    """Hand freed memory back to the system, as far as the C library can."""
    if sys.platform.startswith("linux"):
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):  # musl has no malloc_trim
            return
