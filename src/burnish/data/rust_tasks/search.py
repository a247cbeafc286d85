"""Compose two steps through Option: find then map, a fallback for none, and arithmetic on two aggregates."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable

from burnish.data.rust_tasks.draft import FUNCTION_NAMES, SLICE_NAMES, Draft, Head, draw_integers, function_draft
from burnish.data.rust_tasks.parts import draw_mapping, draw_predicate
from burnish.data.rust_tasks.values import Some, Value


def draw_search(rng: random.Random) -> Draft:
    """Draw a search for the first or last value that satisfies a predicate, mapped, or for its position."""
    predicate = draw_predicate(rng)
    name, parameter = rng.choice(FUNCTION_NAMES), rng.choice(SLICE_NAMES)
    noun = predicate.of("value")
    ending = rng.choice(("option", "fallback", "position"))
    last = ending != "position" and rng.random() < 0.4
    mapping = draw_mapping(rng) if ending != "position" and rng.random() < 0.6 else None
    fallback = rng.randint(-9, 9)

    find = f"rfind(|&x| {predicate.rust})" if last else f"find(|&x| {predicate.rust})"
    chain = f"{parameter}.iter().copied().{find}" + (f".map(|x| {mapping.rust})" if mapping else "")
    subject = f"the {'last' if last else 'first'} {noun}"
    subject += f", {mapping.each.removeprefix('each ')}," if mapping else ""
    match ending:
        case "position":
            purpose, returns = f"returns the index of the first {noun}, if any", "Option<usize>"
            chain = f"{parameter}.iter().position(|&x| {predicate.rust})"
        case "fallback":
            purpose, returns = f"returns {subject} or {fallback} if there is none", "i64"
            chain += f".unwrap_or({fallback})"
        case _:
            purpose, returns = f"returns {subject}{'' if mapping else ','} if any", "Option<i64>"

    def oracle(values: list[int]) -> Value:
        hits = [(i, x) for i, x in enumerate(values) if predicate.holds(x)]
        if ending == "position":
            return Some(hits[0][0]) if hits else None
        if not hits:
            return fallback if ending == "fallback" else None
        value = hits[-1 if last else 0][1]
        value = mapping.value(value) if mapping else value
        return value if ending == "fallback" else Some(value)

    return function_draft(
        combination="/".join(
            ("search", predicate.key, mapping.key if mapping else "same", ending, "last" if last else "first")
        ),
        level=2,
        head=Head(name, ((parameter, "&[i64]"),), returns),
        purpose=purpose,
        body=chain,
        draw=lambda r: (draw_integers(r, longest=6),),
        oracle=oracle,
    )


AGGREGATES: dict[str, tuple[str, str, Callable[[list[int]], int]]] = {
    "first": ("the first value", "first()?", lambda v: v[0]),
    "last": ("the last value", "last()?", lambda v: v[-1]),
    "largest": ("the largest value", "iter().max()?", max),
    "smallest": ("the smallest value", "iter().min()?", min),
}
OPERATIONS: dict[str, tuple[str, str, Callable[[int, int], int]]] = {
    "sum": ("the sum of {} and {}", "+", operator.add),
    "difference": ("the difference of {} and {}", "-", operator.sub),
    "product": ("the product of {} and {}", "*", operator.mul),
}


def draw_aggregate_pair(rng: random.Random) -> Draft:
    """Draw arithmetic on two of first, last, largest, smallest; None for an empty slice."""
    left, right = rng.sample(sorted(AGGREGATES), 2)
    operation = rng.choice(sorted(OPERATIONS))
    left_phrase, left_rust, left_value = AGGREGATES[left]
    right_phrase, right_rust, right_value = AGGREGATES[right]
    phrase, sign, compute = OPERATIONS[operation]
    mapping = draw_mapping(rng) if rng.random() < 0.3 else None
    name, parameter = rng.choice(FUNCTION_NAMES), rng.choice(SLICE_NAMES)
    expression = f"{parameter}.{left_rust} {sign} {parameter}.{right_rust}"
    purpose = f"returns {phrase.format(left_phrase, right_phrase)}"
    if mapping:
        purpose += f", {mapping.each.removeprefix('each ')}"
        body = f"let x = {expression};\nSome({mapping.rust})"
    else:
        body = f"Some({expression})"
    purpose += rng.choice((", or None for an empty slice", ", or None if the slice is empty"))

    def oracle(values: list[int]) -> Value:
        if not values:
            return None
        value = compute(left_value(values), right_value(values))
        return Some(mapping.value(value) if mapping else value)

    return function_draft(
        combination=f"pair/{left}/{right}/{operation}/{mapping.key if mapping else 'same'}",
        level=2,
        head=Head(name, ((parameter, "&[i64]"),), "Option<i64>"),
        purpose=purpose,
        body=body,
        draw=lambda r: (draw_integers(r),),
        oracle=oracle,
    )
