"""Compose types with methods: a struct that keeps a number, and a trait that two structs implement."""

from __future__ import annotations

import random
from collections.abc import Callable

from burnish.data.rust_tasks.draft import Draft
from burnish.data.rust_tasks.parts import draw_mapping, draw_predicate
from burnish.records import ValueCase

STRUCTS = ("Counter", "Account", "Meter", "Tank", "Wallet", "Gauge", "Timer", "Score")
FIELDS = ("value", "total", "level", "amount", "balance")
CHANGES: dict[str, tuple[str, str, Callable[[int, int], int]]] = {
    "increase": ("adds `by` to it", "self.{f} += by;", lambda a, b: a + b),
    "decrease": ("subtracts `by` from it", "self.{f} -= by;", lambda a, b: a - b),
    "scale": ("multiplies it by `by`", "self.{f} *= by;", lambda a, b: a * b),
    "raise": ("sets it to `by` if that is larger", "self.{f} = self.{f}.max(by);", max),
    "lower": ("sets it to `by` if that is smaller", "self.{f} = self.{f}.min(by);", min),
    "replace": ("replaces it by `by`", "self.{f} = by;", lambda _, b: b),
}
READS = ("current", "read", "report", "show")


def draw_struct(rng: random.Random) -> Draft:
    """Draw a struct with a constructor, one method that changes it and one that reads it."""
    name, field = rng.choice(STRUCTS), rng.choice(FIELDS)
    change = rng.choice(sorted(CHANGES))
    change_phrase, change_rust, compute = CHANGES[change]
    read = rng.choice(READS)
    as_check = rng.random() < 0.35
    predicate, mapping = draw_predicate(rng), draw_mapping(rng)
    inner = predicate if as_check else mapping
    returns = "bool" if as_check else "i64"
    read_phrase = (
        f"tells whether it is {predicate.predicate}" if as_check else f"returns it {mapping.each.removeprefix('each ')}"
    )
    code = (
        f"pub struct {name} {{\n    {field}: i64,\n}}\n\nimpl {name} {{\n"
        f"    pub fn new({field}: i64) -> Self {{\n        Self {{ {field} }}\n    }}\n\n"
        f"    pub fn {change}(&mut self, by: i64) {{\n        {change_rust.format(f=field)}\n    }}\n\n"
        f"    pub fn {read}(&self) -> {returns} {{\n        let x = self.{field};\n        {inner.rust}\n    }}\n}}\n"
    )
    purpose = (
        f"keeps an i64 `{field}`, with `new({field}: i64)`, `{change}(&mut self, by: i64)` that {change_phrase}, "
        f"and `{read}(&self) -> {returns}` that {read_phrase}"
    )

    def draw_case(r: random.Random) -> ValueCase:
        start, by = r.randint(-9, 9), r.randint(-9, 9)
        value = compute(start, by)
        expected = str(predicate.holds(value)).lower() if as_check else str(mapping.value(value))
        call = f"{{ let mut it = {name}::new({start}); it.{change}({by}); it.{read}() }}"
        return ValueCase(call=call, type=returns, expected=expected)

    return Draft(f"struct/{change}/{inner.key}", 3, f"pub struct {name}", purpose, code, name, draw_case)


SHAPES: tuple[tuple[str, str, str, str, Callable[[int, int], int]], ...] = (
    ("Rect", "width", "height", "width * height", lambda a, b: a * b),
    ("Border", "width", "height", "2 * (width + height)", lambda a, b: 2 * (a + b)),
    ("Span", "start", "end", "end - start", lambda a, b: b - a),
    ("Pair", "left", "right", "left + right", lambda a, b: a + b),
    ("Block", "side", "depth", "side * side * depth", lambda a, b: a * a * b),
)
TRAITS = (("Measure", "measure"), ("Size", "size"), ("Weigh", "weigh"), ("Rate", "rate"))


def draw_trait(rng: random.Random) -> Draft:
    """Draw a trait with one method, and a struct of two numbers that implements it."""
    name, first, second, formula, compute = rng.choice(SHAPES)
    trait, method = rng.choice(TRAITS)
    mapping = draw_mapping(rng) if rng.random() < 0.5 else None
    rust = formula
    for field in (first, second):
        rust = rust.replace(field, f"self.{field}")
    lines = f"        let x = {rust};\n        {mapping.rust}\n" if mapping else f"        {rust}\n"
    code = (
        f"pub trait {trait} {{\n    fn {method}(&self) -> i64;\n}}\n\n"
        f"pub struct {name} {{\n    pub {first}: i64,\n    pub {second}: i64,\n}}\n\n"
        f"impl {trait} for {name} {{\n    fn {method}(&self) -> i64 {{\n{lines}    }}\n}}\n"
    )
    purpose = (
        f"has public i64 fields `{first}` and `{second}`, with a public trait `{trait}` whose "
        f"`{method}(&self) -> i64` it implements as {formula}"
    )
    purpose += f", {mapping.each.removeprefix('each ')}" if mapping else ""

    def draw_case(r: random.Random) -> ValueCase:
        a, b = r.randint(-9, 9), r.randint(-9, 9)
        value = compute(a, b)
        value = mapping.value(value) if mapping else value
        call = f"{trait}::{method}(&{name} {{ {first}: {a}, {second}: {b} }})"
        return ValueCase(call=call, type="i64", expected=str(value))

    key = f"trait/{name.lower()}/{mapping.key if mapping else 'same'}"
    return Draft(key, 3, f"pub struct {name}", purpose, code, name, draw_case)
