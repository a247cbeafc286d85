"""Parts of a path that filters look at. Paths are relative or absolute, with ``/`` or ``\\``; case does not matter.

Not covered: which filter looks for what.
"""

from __future__ import annotations


def folders(path: str) -> frozenset[str]:
    """Names of the folders a file lies in."""
    return frozenset(path.lower().replace("\\", "/").split("/")[:-1])


def file_name(path: str) -> str:
    """The last part."""
    return path.lower().replace("\\", "/").rpartition("/")[2]
