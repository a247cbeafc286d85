"""Represent Rust values in Python, as ``{:?}`` output and as arguments in source.

Python's ``int``, ``bool``, ``str``, ``list``, ``tuple``, ``dict`` and ``None`` stand for integers, bool, strings,
slices, tuples of two or more, ordered maps, and ``None``; the small classes below stand for what Python lacks. Floats
are left out: their Debug text invites rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Char:
    """A ``char``."""

    text: str


@dataclass(frozen=True)
class Some:
    """``Some(value)``; Python's None is ``None``."""

    value: Value


@dataclass(frozen=True)
class Ok:
    """``Ok(value)``."""

    value: Value


@dataclass(frozen=True)
class Err:
    """``Err(value)``."""

    value: Value


@dataclass(frozen=True)
class Variant:
    """A variant of an enum that derives Debug, with the values that it carries."""

    name: str
    fields: tuple[Value, ...] = ()


Value: TypeAlias = (
    int
    | bool
    | str
    | list["Value"]
    | tuple["Value", ...]
    | dict[int, "Value"]
    | Char
    | Some
    | Ok
    | Err
    | Variant
    | None
)


def _quoted(text: str, quote: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"only printable ASCII is written as a Rust literal here, not {text!r}")
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def debug_text(value: Value) -> str:  # noqa: PLR0911 - one line per kind of value
    """Return the output of ``format!("{value:?}")`` in Rust."""
    match value:
        case None:
            return "None"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _quoted(value, '"')
        case list():
            return "[" + ", ".join(debug_text(item) for item in value) + "]"
        case tuple():
            return "(" + ", ".join(debug_text(item) for item in value) + ")"
        case dict():
            return "{" + ", ".join(f"{key}: {debug_text(value[key])}" for key in sorted(value)) + "}"
        case Variant(name, fields):
            return name + (f"({', '.join(debug_text(field) for field in fields)})" if fields else "")
        case Char(text):
            return _quoted(text, "'")
        case Some(inner):
            return f"Some({debug_text(inner)})"
        case Ok(inner):
            return f"Ok({debug_text(inner)})"
        case Err(inner):
            return f"Err({debug_text(inner)})"


def argument(value: Value) -> str:
    """Write the value as a Rust argument: a list is borrowed as a slice, a string is a ``&str`` literal."""
    return "&" + debug_text(value) if isinstance(value, list) else debug_text(value)


def remainder(a: int, b: int) -> int:
    """Compute Rust's ``a % b``: truncated, the sign follows ``a``."""
    return abs(a) % abs(b) * (1 if a >= 0 else -1)
