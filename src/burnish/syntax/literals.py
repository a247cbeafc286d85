"""String literals of Rust, read and written.

Not covered: byte and C strings; format strings' braces.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F_]{1,12})\}|x([0-9a-fA-F]{2})|\n\s*|(.))", re.DOTALL)
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_RAW = re.compile(r'r(#*)"(.*)"\1', re.DOTALL)
_PLAIN = re.compile(r'"(.*)"', re.DOTALL)


def string_value(literal: str) -> str | None:
    """Return the text that a string literal, raw or not, means; None if it is not one."""
    raw = _RAW.fullmatch(literal)
    if raw is not None:
        return raw[2]
    plain = _PLAIN.fullmatch(literal)
    return None if plain is None else _ESCAPE.sub(_unescaped, plain[1].replace("\r\n", "\n"))


def string_literal(text: str) -> str:
    """Return a string literal for ``text``; characters that may mislead a reader are escaped as numbers."""
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in text) + '"'


def _unescaped(match: re.Match[str]) -> str:
    number, byte, name = match.groups()
    if number or byte:
        code = int((number or byte).replace("_", ""), 16)
        return chr(code) if code < 0x110000 else match[0]
    return "" if name is None else _NAMED.get(name, name)
