"""Compose small programs: a helper function and a function that uses it on a slice or a range."""

from __future__ import annotations

import random

from burnish.data.rust_tasks.draft import FUNCTION_NAMES, SLICE_NAMES, Draft, Head, draw_integers, function_draft
from burnish.data.rust_tasks.parts import draw_mapping, draw_predicate
from burnish.data.rust_tasks.values import Value

HELPERS = ("step", "change", "adjust", "transform")


def draw_program(rng: random.Random) -> Draft:
    """Draw a public helper on one number, and a public function that sums or collects it over chosen values."""
    mapping, predicate = draw_mapping(rng), draw_predicate(rng)
    helper, name, parameter = rng.choice(HELPERS), rng.choice(FUNCTION_NAMES), rng.choice(SLICE_NAMES)
    collect = rng.random() < 0.4
    returns, ending = ("Vec<i64>", ".collect()") if collect else ("i64", ".sum()")
    before = f"pub fn {helper}(x: i64) -> i64 {{\n    {mapping.rust}\n}}\n\n"
    result = "collects" if collect else "sums up"
    purpose = (
        f"{result} what `{helper}(x: i64) -> i64` gives for the {predicate.of('values')}, "
        f"where `{helper}` returns its argument {mapping.each.removeprefix('each ')}"
    )

    def oracle(values: list[int]) -> Value:
        changed = [mapping.value(x) for x in values if predicate.holds(x)]
        return list(changed) if collect else sum(changed)

    return function_draft(
        combination=f"program/{predicate.key}/{mapping.key}/{'collect' if collect else 'sum'}",
        level=4,
        head=Head(name, ((parameter, "&[i64]"),), returns),
        purpose=purpose,
        body=f"{parameter}.iter().copied().filter(|&x| {predicate.rust}).map({helper}){ending}",
        draw=lambda r: (draw_integers(r),),
        oracle=oracle,
        before=before,
    )
