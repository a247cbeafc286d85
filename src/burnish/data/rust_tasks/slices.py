"""Compose pipelines over a slice of integers: filter x mapping x reduction, in one expression."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from burnish.data.rust_tasks.draft import FUNCTION_NAMES, SLICE_NAMES, Draft, Head, draw_integers, function_draft
from burnish.data.rust_tasks.parts import draw_mapping, draw_predicate
from burnish.data.rust_tasks.values import Some, Value


@dataclass(frozen=True)
class Reduction:
    """The end of a pipeline. ``copied`` says whether bare references must be copied before it."""

    key: str
    phrase: tuple[str, ...]
    """Wordings with ``{}`` for the noun phrase."""
    rust: str
    returns: str
    copied: bool
    value: Callable[[list[int]], Value]


def _largest(values: list[int]) -> Value:
    return Some(max(values)) if values else None


def _smallest(values: list[int]) -> Value:
    return Some(min(values)) if values else None


REDUCTIONS = (
    Reduction("sum", ("the sum of {}", "the total of {}"), ".sum()", "i64", False, sum),
    Reduction("product", ("the product of {}",), ".product()", "i64", False, math.prod),
    Reduction("count", ("the number of {}", "how many {} there are"), ".count()", "usize", False, len),
    Reduction("max", ("the largest of {}, if any", "the maximum of {} as an option"), ".max()", "Option<i64>", True,
              _largest),
    Reduction("min", ("the smallest of {}, if any", "the minimum of {} as an option"), ".min()", "Option<i64>", True,
              _smallest),
    Reduction("collect", ("a vector of {}", "{} as a vector"), ".collect()", "Vec<i64>", True, list),
)  # fmt: skip


def draw_slice_pipeline(rng: random.Random) -> Draft:
    """Draw a pipeline such as ``values.iter().filter(..).map(..).sum()``."""
    reduction = rng.choice(REDUCTIONS)
    predicate = draw_predicate(rng) if reduction.key == "count" or rng.random() < 0.75 else None
    # A mapping before count() changes nothing, and clippy says so.
    wants_mapping = reduction.key != "count" and (predicate is None or rng.random() < 0.65)
    mapping = draw_mapping(rng) if wants_mapping else None

    noun = rng.choice(("values", "numbers", "elements"))
    phrase = predicate.of(noun) if predicate else noun
    if reduction.key != "count":
        phrase = f"the {phrase}" if predicate else f"all {noun}"
    phrase = mapping.of(phrase, rng) if mapping else phrase
    purpose = "returns " + rng.choice(reduction.phrase).format(phrase).replace(",,", ",").rstrip(",")
    purpose = purpose.replace(", if any", ", if any").replace(", as a vector", " as a vector")

    name, parameter = rng.choice(FUNCTION_NAMES), rng.choice(SLICE_NAMES)
    chain = f"{parameter}.iter()"
    chain += f".filter(|&&x| {predicate.rust})" if predicate else ""
    chain += f".map(|x| {mapping.rust})" if mapping else ""
    chain += ".copied()" if reduction.copied and not mapping else ""

    def oracle(values: list[int]) -> Value:
        kept = [x for x in values if predicate is None or predicate.holds(x)]
        return reduction.value([mapping.value(x) for x in kept] if mapping else kept)

    parts = (predicate.key if predicate else "all", mapping.key if mapping else "same", reduction.key)
    return function_draft(
        combination="slice/" + "/".join(parts),
        level=2 if predicate and mapping else 1,
        head=Head(name, ((parameter, "&[i64]"),), reduction.returns),
        purpose=purpose,
        body=chain + reduction.rust,
        draw=lambda r: (draw_integers(r, longest=6),),
        oracle=oracle,
    )


def draw_slice_check(rng: random.Random) -> Draft:
    """Draw a check whether any or all values, mapped or not, satisfy a predicate."""
    predicate = draw_predicate(rng)
    mapping = draw_mapping(rng) if rng.random() < 0.6 else None
    quantifier = rng.choice(("any", "all"))
    name, parameter = rng.choice(FUNCTION_NAMES), rng.choice(SLICE_NAMES)
    subject = "at least one value" if quantifier == "any" else "every value"
    subject += f", {mapping.each.removeprefix('each ')}," if mapping else ""
    pattern = "x" if mapping else "&x"
    chain = f"{parameter}.iter()" + (f".map(|x| {mapping.rust})" if mapping else "")

    def oracle(values: list[int]) -> Value:
        seen = (predicate.holds(mapping.value(x) if mapping else x) for x in values)
        return any(seen) if quantifier == "any" else all(seen)

    return function_draft(
        combination=f"check/{predicate.key}/{mapping.key if mapping else 'same'}/{quantifier}",
        level=2 if mapping else 1,
        head=Head(name, ((parameter, "&[i64]"),), "bool"),
        purpose=f"{rng.choice(('tells', 'returns', 'checks'))} whether {subject} is {predicate.predicate}",
        body=f"{chain}.{quantifier}(|{pattern}| {predicate.rust})",
        draw=lambda r: (draw_integers(r, longest=4),),
        oracle=oracle,
    )
