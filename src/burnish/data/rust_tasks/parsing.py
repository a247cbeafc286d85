"""Compose tasks with Result: parse a number, refuse some, transform the rest."""

from __future__ import annotations

import random

from burnish.data.rust_tasks.draft import FUNCTION_NAMES, TEXT_NAMES, Draft, Head, function_draft
from burnish.data.rust_tasks.parts import draw_mapping, draw_predicate
from burnish.data.rust_tasks.values import Err, Ok, Value

NOT_A_NUMBER = ("not a number", "bad number", "invalid number")
REFUSED = ("refused", "not allowed", "out of range", "rejected")


def draw_parsing(rng: random.Random) -> Draft:
    """Draw a function from a text to ``Result<i64, String>``: parse, one error condition, one mapping."""
    predicate = draw_predicate(rng)
    mapping = draw_mapping(rng) if rng.random() < 0.7 else None
    name, parameter = rng.choice(FUNCTION_NAMES), rng.choice(TEXT_NAMES)
    bad, refused = rng.choice(NOT_A_NUMBER), rng.choice(REFUSED)
    purpose = f'parses `{parameter}` as an i64 (error "{bad}"), fails with "{refused}" if it is {predicate.predicate}, '
    purpose += f"and otherwise returns it{', ' + mapping.each.removeprefix('each ') if mapping else ''}"
    body = (
        f'let x: i64 = {parameter}.trim().parse().map_err(|_| "{bad}".to_string())?;\n'
        f'if {predicate.rust} {{\n    return Err("{refused}".to_string());\n}}\n'
        f"Ok({mapping.rust if mapping else 'x'})"
    )

    def oracle(text: str) -> Value:
        try:
            x = int(text)
        except ValueError:
            return Err(bad)
        if predicate.holds(x):
            return Err(refused)
        return Ok(mapping.value(x) if mapping else x)

    def draw(r: random.Random) -> tuple[Value, ...]:
        if r.random() < 0.2:
            return (r.choice(("", "x", "1.5", "two", "3a", "- 4")),)
        return (r.choice(("{}", " {}", "{} ")).format(r.randint(-15, 15)),)

    return function_draft(
        combination=f"parse/{predicate.key}/{mapping.key if mapping else 'same'}",
        level=2,
        head=Head(name, ((parameter, "&str"),), "Result<i64, String>"),
        purpose=purpose,
        body=body,
        draw=draw,
        oracle=oracle,
    )
