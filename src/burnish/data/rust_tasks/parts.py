"""Define parts that several families share: predicates and mappings on integers, in English, Rust and Python.

Each part states its meaning three times; the Rust is written for a variable ``x`` (a value, not a reference).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from burnish.data.rust_tasks.values import remainder


@dataclass(frozen=True)
class Predicate:
    """A condition on one integer."""

    key: str
    adjective: str
    """Text before the noun ("even"), or empty."""
    clause: str
    """Text after the noun ("greater than 7"), or empty; exactly one of both is set."""
    rust: str
    holds: Callable[[int], bool]

    def of(self, noun: str) -> str:
        """Return the noun with the condition: "even values", "values greater than 7"."""
        return f"{self.adjective} {noun}" if self.adjective else f"{noun} {self.clause}"

    @property
    def predicate(self) -> str:
        """Return the words after "is" or "are": "even", "greater than 7"."""
        return self.adjective or self.clause


def draw_predicate(rng: random.Random) -> Predicate:
    """Draw one of eleven kinds, with constants and wording."""
    k = rng.randint(1, 9)
    m = rng.randint(3, 7)  # 2 would be "even" or "odd" again, under another name
    low = rng.randint(-6, 3)
    high = low + rng.randint(2, 8)
    word = rng.choice
    kinds: tuple[Callable[[], Predicate], ...] = (
        lambda: Predicate(
            "gt", "", f"{word(('greater than', 'larger than', 'above'))} {k}", f"x > {k}", lambda x: x > k
        ),
        lambda: Predicate("lt", "", f"{word(('less than', 'smaller than', 'below'))} {k}", f"x < {k}", lambda x: x < k),
        lambda: Predicate("ge", "", f"{word(('at least', 'not less than'))} {k}", f"x >= {k}", lambda x: x >= k),
        lambda: Predicate("le", "", f"{word(('at most', 'not greater than'))} {k}", f"x <= {k}", lambda x: x <= k),
        lambda: Predicate("even", "even", "", "x % 2 == 0", lambda x: x % 2 == 0),
        lambda: Predicate("odd", "odd", "", "x % 2 != 0", lambda x: x % 2 != 0),
        lambda: Predicate("multiple", "", f"divisible by {m}", f"x % {m} == 0", lambda x: x % m == 0),
        lambda: Predicate("not-multiple", "", f"not divisible by {m}", f"x % {m} != 0", lambda x: x % m != 0),
        lambda: Predicate("negative", "negative", "", "x < 0", lambda x: x < 0),
        lambda: Predicate("positive", "positive", "", "x > 0", lambda x: x > 0),
        lambda: Predicate(
            "between", "", word((f"between {low} and {high}", f"from {low} to {high}")),
            f"({low}..={high}).contains(&x)", lambda x: low <= x <= high,
        ),
    )  # fmt: skip
    return word(kinds)()


@dataclass(frozen=True)
class Mapping:
    """A function of one integer."""

    key: str
    plural: str
    """Before the noun phrase: "the squares of"; empty when only ``each`` reads well."""
    each: str
    """After the noun phrase: "each squared"."""
    verb: str
    """With an object: "squares"."""
    rust: str
    value: Callable[[int], int]

    def of(self, noun_phrase: str, rng: random.Random) -> str:
        """Return the mapped noun phrase in one of its wordings."""
        if self.plural and rng.random() < 0.6:
            return f"{self.plural} {noun_phrase}"
        return f"{noun_phrase}, {self.each},"


def draw_mapping(rng: random.Random) -> Mapping:
    """Draw one of nine kinds, with constants and wording."""
    k = rng.randint(3, 9)  # 2 would be "doubled" again, under another name
    m = rng.randint(2, 7)
    kinds = (
        Mapping("square", "the squares of", "each squared", "squares", "x * x", lambda x: x * x),
        Mapping("cube", "the cubes of", "each cubed", "cubes", "x * x * x", lambda x: x * x * x),
        Mapping("double", "the doubles of", "each doubled", "doubles", "x * 2", lambda x: x * 2),
        Mapping("times", "", f"each multiplied by {k}", f"multiplies by {k}", f"x * {k}", lambda x: x * k),
        Mapping("plus", "", f"each increased by {k}", f"adds {k} to", f"x + {k}", lambda x: x + k),
        Mapping("minus", "", f"each decreased by {k}", f"subtracts {k} from", f"x - {k}", lambda x: x - k),
        Mapping("absolute", "the absolute values of", "each without its sign", "", "x.abs()", abs),
        Mapping("negate", "the negations of", "each negated", "negates", "-x", lambda x: -x),
        Mapping("modulo", f"the remainders modulo {m} of", f"each taken modulo {m}", "", f"x % {m}",
                lambda x: remainder(x, m)),
    )  # fmt: skip
    return rng.choice(kinds)
