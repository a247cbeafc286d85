"""Compute how much memory an executable needs before its first instruction, from its program headers (ELF, 64 bits).

Not covered: files of another format; they need nothing, since the kernel refuses them.
"""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_MAGIC = b"\x7fELF\x02\x01"
_LOAD, _WRITABLE = 1, 2


def memory_asked(executable: bytes, *, writable: bool = False) -> int:
    """Sum the bytes of all loaded segments; with ``writable``, of those that the program may write to."""
    if not executable.startswith(_MAGIC) or len(executable) < _HEADER.size:
        return 0
    fields = _HEADER.unpack_from(executable)
    start, size, count = fields[5], fields[9], fields[10]
    if size != _SEGMENT.size or start + size * count > len(executable):
        return 0
    total = 0
    for index in range(count):
        kind, flags, _, _, _, _, memory, _ = _SEGMENT.unpack_from(executable, start + index * size)
        if kind == _LOAD and (not writable or flags & _WRITABLE):
            total += memory
    return total
