"""Parts of a path that filters look at. Paths are relative or absolute, with ``/`` or ``\\``; case does not matter.

Not covered: which filter looks for what.
"""

from __future__ import annotations


def folders(path: str) -> frozenset[str]:
    """Return the names of a file's parent folders."""
    return frozenset(path.lower().replace("\\", "/").split("/")[:-1])


def file_name(path: str) -> str:
    """Return the file name."""
    return path.lower().replace("\\", "/").rpartition("/")[2]
