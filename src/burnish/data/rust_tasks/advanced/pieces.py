"""Provide what the advanced kinds share: rustfmt's layout, unambiguous wordings, and Rust's reading of integers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from textwrap import indent

from burnish.data.rust_tasks.draft import function
from burnish.data.rust_tasks.parts import Mapping, Predicate, draw_mapping, draw_predicate
from burnish.data.rust_tasks.values import Value, debug_text
from burnish.records import ValueCase

CHAIN_WIDTH = 60
"""Longest chain of calls that rustfmt leaves on one line."""
TYPE_NAMES = ("Store", "Shelf", "Basket", "Buffer", "Pile", "Tray", "Bin", "Depot", "Rack", "Keeper", "Holder")


@dataclass(frozen=True)
class Ending:
    """What a function does with its values in the end: words behind "returns" or its like, Rust, type and Python."""

    key: str
    phrase: str
    rust: str
    returns: str
    value: Callable[..., Value]


def chain(receiver: str, *calls: str, bound: bool = False) -> str:
    """Return a chain of method calls as rustfmt breaks it; ``bound`` if it stands behind a ``let``."""
    line = ".".join((receiver, *calls))
    if len(line) <= CHAIN_WIDTH and "\n" not in line:
        return line
    # A name no wider than an indentation, at the start of its line, keeps its first call beside it.
    joined = 1 if len(receiver) <= 4 and not bound else 0
    first = ".".join((receiver, *calls[:joined]))
    return "\n".join((first, *(indent("." + call, "    ") for call in calls[joined:])))


def implementation(head: str, methods: Sequence[tuple[str, str]]) -> str:
    """Return the source of an ``impl`` block from signatures and bodies."""
    listed = "\n".join(indent(function(signature, body), "    ") for signature, body in methods)
    return f"{head} {{\n{listed}}}\n"


def case(call: str, returns: str, value: Value) -> ValueCase:
    """Build one hidden test."""
    return ValueCase(call=call, type=returns, expected=debug_text(value))


def vector(values: Sequence[Value]) -> str:
    """Return a vector literal."""
    return "vec!" + debug_text(list(values))


def draw_condition(rng: random.Random) -> Predicate:
    """Draw a predicate that leaves no doubt about the ends of its range."""
    predicate = draw_predicate(rng)
    return replace(predicate, clause=predicate.clause + " inclusive") if predicate.key == "between" else predicate


def each(mapping: Mapping) -> str:
    """Return "each squared" and the like, with Rust's operator where mathematics has another one."""
    return mapping.each + (" (with Rust's `%`)" if mapping.key == "modulo" else "")


def mapped(mapping: Mapping) -> str:
    """Return the same of one value: "squared"."""
    return each(mapping).removeprefix("each ")


def maybe_mapping(rng: random.Random, share: float) -> Mapping | None:
    """Draw a mapping in that share of the draws, otherwise None."""
    return draw_mapping(rng) if rng.random() < share else None


def read_integer(text: str) -> int | None:
    """Return what ``text.parse::<i64>().ok()`` gives for numbers that fit."""
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None
