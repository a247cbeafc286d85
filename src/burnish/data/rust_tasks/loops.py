"""Compose ranges with an accumulator, and step-by-step changes of a vector."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from burnish.data.rust_tasks.draft import FUNCTION_NAMES, SLICE_NAMES, Draft, Head, draw_integers, function_draft
from burnish.data.rust_tasks.parts import draw_mapping, draw_predicate
from burnish.data.rust_tasks.values import Value


def draw_range(rng: random.Random) -> Draft:
    """Draw a ``for`` loop over a range that sums, multiplies or counts."""
    predicate = draw_predicate(rng) if rng.random() < 0.8 else None
    reduction = rng.choice(("sum", "product", "count")) if predicate else rng.choice(("sum", "product"))
    mapping = draw_mapping(rng) if reduction != "count" and rng.random() < 0.5 else None
    two_ends = rng.random() < 0.4
    inclusive = rng.random() < 0.7
    name = rng.choice(FUNCTION_NAMES)
    start, end = ("a", "b") if two_ends else ("1", rng.choice(("n", "limit")))
    parameters = (("a", "i64"), ("b", "i64")) if two_ends else ((end, "i64"),)

    noun = f"the {predicate.of('integers')}" if predicate else "the integers"
    ends = f"from `{start}` {'to' if inclusive else 'up to but not including'} `{end}`".replace("`1`", "1")
    noun = f"{noun}, {mapping.each}, {ends}" if mapping else f"{noun} {ends}"
    verb = {"sum": "returns the sum of", "product": "returns the product of", "count": "counts"}[reduction]
    initial, update = {
        "sum": ("0", f"total += {mapping.rust if mapping else 'x'};"),
        "product": ("1", f"total *= {mapping.rust if mapping else 'x'};"),
        "count": ("0", "total += 1;"),
    }[reduction]
    inner = f"    if {predicate.rust} {{\n        {update}\n    }}" if predicate else f"    {update}"
    body = f"let mut total = {initial};\nfor x in {start}{'..=' if inclusive else '..'}{end} {{\n{inner}\n}}\ntotal"

    def oracle(*arguments: int) -> Value:
        low, high = arguments if two_ends else (1, arguments[0])
        kept = [x for x in range(low, high + inclusive) if predicate is None or predicate.holds(x)]
        total = 1 if reduction == "product" else 0
        for x in kept:
            value = mapping.value(x) if mapping else x
            total = {"sum": total + value, "product": total * value, "count": total + 1}[reduction]
        return total

    def draw(r: random.Random) -> tuple[Value, ...]:
        # Six factors of at most 9 cubed stay inside an i64.
        longest = 5 if reduction == "product" else 12
        low = r.randint(-3, 4) if two_ends else 1
        return (low, low + r.randint(-1, longest)) if two_ends else (r.randint(0, longest),)

    parts = (predicate.key if predicate else "all", mapping.key if mapping else "same", reduction)
    return function_draft(
        combination=f"range/{'/'.join(parts)}/{'two' if two_ends else 'one'}",
        level=2 if predicate and mapping else 1,
        head=Head(name, parameters, "i64"),
        purpose=f"{verb} {noun}",
        body=body,
        draw=draw,
        oracle=oracle,
    )


@dataclass(frozen=True)
class Step:
    """One change of the vector ``out``: in English with the vector as object, in Rust, in Python."""

    key: str
    phrase: str
    rust: str
    apply: Callable[[list[int]], list[int]]


def _without_repeats(values: list[int]) -> list[int]:
    return [x for i, x in enumerate(values) if i == 0 or values[i - 1] != x]


def _draw_step(rng: random.Random) -> Step:
    k, few = rng.randint(1, 9), rng.randint(1, 5)
    predicate, mapping = draw_predicate(rng), draw_mapping(rng)
    while not mapping.verb:
        mapping = draw_mapping(rng)
    each = {
        "square": "*x *= *x;", "cube": "*x = x.pow(3);", "double": "*x *= 2;", "negate": "*x = -*x;",
    }  # fmt: skip
    constant = mapping.rust.rsplit(" ", 1)[-1]
    sign = {"times": "*", "plus": "+", "minus": "-"}.get(mapping.key)
    change = f"*x {sign}= {constant};" if sign else each[mapping.key]
    return rng.choice(
        (
            Step("sort", rng.choice(("sorts it", "sorts it in ascending order")), "out.sort();", sorted),
            Step("descend", "sorts it in descending order", "out.sort();\nout.reverse();",
                 lambda v: sorted(v, reverse=True)),
            Step("reverse", "reverses it", "out.reverse();", lambda v: v[::-1]),
            Step("keep", f"keeps the first {few}", f"out.truncate({few});", lambda v: v[:few]),
            Step("dedup", "drops consecutive repeats", "out.dedup();", _without_repeats),
            Step("push", f"appends {k}", f"out.push({k});", lambda v: [*v, k]),
            Step("insert", f"puts {k} in front", f"out.insert(0, {k});", lambda v: [k, *v]),
            Step("pop", "drops the last", "out.pop();", lambda v: v[:-1]),
            Step("retain", f"keeps the {predicate.of('values')}", f"out.retain(|&x| {predicate.rust});",
                 lambda v: [x for x in v if predicate.holds(x)]),
            Step("each-" + mapping.key, f"{mapping.verb} each value", f"for x in &mut out {{\n    {change}\n}}",
                 lambda v: [mapping.value(x) for x in v]),
        )
    )  # fmt: skip


def draw_steps(rng: random.Random) -> Draft:
    """Draw two or three changes of a copied vector, one after the other."""
    steps: list[Step] = []
    count = 2 if rng.random() < 0.7 else 3
    while len(steps) < count:
        step = _draw_step(rng)
        if step.key == "reverse" and steps and steps[-1].key == "sort":
            continue  # that would be "descend" again, under another name
        if all(step.key.split("-")[0] != other.key.split("-")[0] for other in steps):
            steps.append(step)
    name, parameter = rng.choice(FUNCTION_NAMES), rng.choice(SLICE_NAMES)
    listed = ", then ".join(step.phrase for step in steps)
    lines = "\n".join(step.rust for step in steps)

    def oracle(values: list[int]) -> Value:
        for step in steps:
            values = step.apply(values)
        return list(values)

    return function_draft(
        combination="steps/" + "/".join(step.key for step in steps),
        level=2,
        head=Head(name, ((parameter, "&[i64]"),), "Vec<i64>"),
        purpose=f"copies `{parameter}`, {listed}, and returns the result",
        body=f"let mut out = {parameter}.to_vec();\n{lines}\nout",
        draw=lambda r: (draw_integers(r, longest=6, bound=6),),
        oracle=oracle,
    )
