"""Define a composed task before it becomes a `Task`: instruction, reference, and an oracle for hidden tests.

The oracle is Python and the reference is Rust: two independent implementations. A reference that
disagrees with its oracle fails when the task set is checked, so a mistake in either is found.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import indent

from burnish.data.rust_tasks.values import Value, argument, debug_text
from burnish.records import ValueCase


@dataclass(frozen=True)
class Draft:
    """One composed task. ``combination`` names its parts without constants, names and wording."""

    combination: str
    level: int
    signature: str
    """Signature in the instruction, such as ``pub fn total(values: &[i64]) -> i64``."""
    purpose: str
    """Completes "a function that ...", such as "returns the sum of the values greater than 7"."""
    code: str
    """The reference: whole, formatted as rustfmt would, without comments."""
    entry_point: str
    draw_case: Callable[[random.Random], ValueCase]
    """One hidden test with arguments drawn fresh."""
    helper_case: Callable[[random.Random], ValueCase] | None = None
    """One hidden test of another public item than the entry point; such tests are added to those of the entry point."""


@dataclass(frozen=True)
class Head:
    """Name, parameters with their types, and return type of a function."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    returns: str

    def __str__(self) -> str:
        listed = ", ".join(f"{parameter}: {kind}" for parameter, kind in self.parameters)
        return f"pub fn {self.name}({listed}) -> {self.returns}"


def function(signature: str, body: str) -> str:
    """Return the source of a function."""
    return f"{signature} {{\n{indent(body, '    ')}\n}}\n"


def function_draft(
    *,
    combination: str,
    level: int,
    head: Head,
    purpose: str,
    body: str,
    draw: Callable[[random.Random], tuple[Value, ...]],
    oracle: Callable[..., Value],
    before: str = "",
) -> Draft:
    """Build a draft of one public function; ``body`` is indented here, ``before`` is other source above it."""

    def draw_case(rng: random.Random) -> ValueCase:
        arguments = draw(rng)
        call = f"{head.name}({', '.join(argument(value) for value in arguments)})"
        return ValueCase(call=call, type=head.returns, expected=debug_text(oracle(*arguments)))

    return Draft(combination, level, str(head), purpose, before + function(str(head), body), head.name, draw_case)


def draw_integers(rng: random.Random, *, longest: int = 7, bound: int = 12) -> list[Value]:
    """Draw a list with small values and repeats, sometimes empty or of length one."""
    length = rng.choice((0, 1, 2)) if rng.random() < 0.2 else rng.randint(3, longest)
    return [rng.randint(-bound, bound) for _ in range(length)]


FUNCTION_NAMES = (
    "total", "compute", "solve", "measure", "process", "evaluate", "gather", "select", "reduce", "answer",
    "collect_all", "summarize", "inspect", "resolve", "extract", "analyze", "derive", "apply", "convert", "scan",
)  # fmt: skip
SLICE_NAMES = ("values", "numbers", "items", "data", "v", "xs")
TEXT_NAMES = ("s", "text", "input", "line")
