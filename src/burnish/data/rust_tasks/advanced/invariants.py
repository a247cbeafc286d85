"""Compose structs whose methods keep an invariant: a container with a limit, a number between two bounds."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from burnish.data.rust_tasks.advanced.pieces import (
    TYPE_NAMES,
    Ending,
    case,
    draw_condition,
    implementation,
    mapped,
)
from burnish.data.rust_tasks.draft import Draft
from burnish.data.rust_tasks.parts import Predicate, draw_mapping
from burnish.data.rust_tasks.values import Some, Value
from burnish.records import ValueCase

ADD_NAMES, TAKE_NAMES, READ_NAMES = (
    ("add", "push", "put", "store"),
    ("take", "remove", "withdraw"),
    ("report", "read", "state"),
)


@dataclass(frozen=True)
class Order:
    """Which value leaves first. Rust works on ``self.items``, a ``Vec<i64>``."""

    key: str
    phrase: str
    take: str
    index: Callable[[list[int]], int]


ORDERS = (
    Order("stack", "the one added last", "self.items.pop()", lambda v: len(v) - 1),
    Order("queue", "the one added first",
          "if self.items.is_empty() {\n    return None;\n}\nSome(self.items.remove(0))", lambda _: 0),
    Order("smallest", "the smallest (of equals the one added first)",
          "let smallest = *self.items.iter().min()?;\nlet index = self.items.iter().position(|&x| x == smallest)?;\n"
          "Some(self.items.remove(index))", lambda v: v.index(min(v))),
    Order("largest", "the largest (of equals the one added first)",
          "let largest = *self.items.iter().max()?;\nlet index = self.items.iter().position(|&x| x == largest)?;\n"
          "Some(self.items.remove(index))", lambda v: v.index(max(v))),
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """Treatment of a value that would exceed the limit; Rust works on ``x`` and ``self.limit``."""

    key: str
    phrase: str
    rust: str
    dropped: int | None
    """Index of the value that makes room; None: the new one is refused."""


FULL = "if self.items.len() == self.limit {{\n    {}\n}}\n"
POLICIES = (
    Policy("refuse", "when it is full, it is refused", FULL.format("return false;"), None),
    Policy("oldest", "when it is full, the value added first is dropped to make room",
           FULL.format("self.items.remove(0);"), 0),
    Policy("newest", "when it is full, it takes the place of the value added last", FULL.format("self.items.pop();"),
           -1),
)  # fmt: skip


@dataclass(frozen=True)
class Container:
    """Parts of one container task, and its meaning in Python."""

    order: Order
    policy: Policy
    admits: Predicate | None
    distinct: bool
    items: list[int] = field(default_factory=list)

    def add(self, x: int, limit: int) -> bool:
        """Add a value; return whether it was taken in."""
        if (self.admits and not self.admits.holds(x)) or (self.distinct and x in self.items):
            return False
        if len(self.items) == limit:
            if self.policy.dropped is None:
                return False
            del self.items[self.policy.dropped]
        self.items.append(x)
        return True

    def take(self) -> Value:
        """Remove and return the value that leaves first."""
        return Some(self.items.pop(self.order.index(self.items))) if self.items else None


def _readings(predicate: Predicate) -> tuple[Ending, ...]:
    sort = "let mut out = self.items.clone();\nout.sort_unstable();\nout"
    return (
        Ending("sum", "their sum", "self.items.iter().sum()", "i64", sum),
        Ending("len", "their number", "self.items.len()", "usize", len),
        Ending("max", "the largest, if any", "self.items.iter().max().copied()", "Option<i64>",
                lambda v: Some(max(v)) if v else None),
        Ending("list", "a copy of them in the order in which they were added", "self.items.clone()", "Vec<i64>", list),
        Ending("sorted", "a sorted copy of them", sort, "Vec<i64>", lambda v: [*sorted(v)]),
        Ending("count-" + predicate.key, f"how many of them are {predicate.predicate}",
                f"self.items.iter().filter(|&&x| {predicate.rust}).count()", "usize",
                lambda v: sum(map(predicate.holds, v))),
    )  # fmt: skip


def draw_container(rng: random.Random) -> Draft:
    """Draw a container of integers: which enter, which leaves first, what happens when it is full."""
    order, policy, name = rng.choice(ORDERS), rng.choice(POLICIES), rng.choice(TYPE_NAMES)
    admits = draw_condition(rng) if rng.random() < 0.6 else None
    distinct = rng.random() < 0.4
    add, take, read = rng.choice(ADD_NAMES), rng.choice(TAKE_NAMES), rng.choice(READ_NAMES)
    reading = rng.choice(_readings(draw_condition(rng)))
    returns = reading.returns
    wanted = [admits.predicate] if admits else []
    wanted += ["not there yet"] if distinct else []
    enters = f"takes in a value only if it is {' and '.join(wanted)}" if wanted else "takes in a value"
    purpose = (
        f"keeps at most `limit` integers, with `new(limit: usize) -> Self` (the limit is at least 1); "
        f"`{add}(&mut self, x: i64) -> bool`, which {enters} ({policy.phrase}), and tells whether it did; "
        f"`{take}(&mut self) -> Option<i64>`, which removes and returns {order.phrase}, or None; "
        f"and `{read}(&self) -> {returns}`, which returns {reading.phrase}"
    )
    entry = f"if {_refusal(admits, distinct)} {{\n    return false;\n}}\n" if wanted else ""
    code = f"pub struct {name} {{\n    items: Vec<i64>,\n    limit: usize,\n}}\n\n" + implementation(
        f"impl {name}",
        (
            ("pub fn new(limit: usize) -> Self", "Self {\n    items: Vec::new(),\n    limit,\n}"),
            (f"pub fn {add}(&mut self, x: i64) -> bool", f"{entry}{policy.rust}self.items.push(x);\ntrue"),
            (f"pub fn {take}(&mut self) -> Option<i64>", order.take),
            (f"pub fn {read}(&self) -> {returns}", reading.rust),
        ),
    )

    def draw_case(r: random.Random) -> ValueCase:
        limit, values = r.randint(1, 4), [r.randint(-9, 12) for _ in range(r.randint(0, 7))]
        values = [r.choice(values) if r.random() < 0.2 else x for x in values]
        container = Container(order, policy, admits, distinct)
        taken: Value = [container.add(x, limit) for x in values]
        first = container.take()
        expected: Value = (taken, first, reading.value(container.items))
        calls = ", ".join(f"it.{add}({x})" for x in values)
        call = (
            f"{{ let mut it = {name}::new({limit}); let taken: Vec<bool> = vec![{calls}]; "
            f"let first = it.{take}(); (taken, first, it.{read}()) }}"
        )
        return case(call, f"(Vec<bool>, Option<i64>, {returns})", expected)

    parts = (order.key, policy.key, admits.key if admits else "all", "distinct" if distinct else "repeats", reading.key)
    return Draft("container/" + "/".join(parts), 3, f"pub struct {name}", purpose, code, name, draw_case)


OPPOSITE = {" > ": " <= ", " < ": " >= ", " >= ": " < ", " <= ": " > ", " == ": " != ", " != ": " == "}


def negation(predicate: Predicate) -> str:
    """Return the negated condition, as clippy wants it written."""
    if predicate.key == "between":
        return "!" + predicate.rust
    sign = next(sign for sign in OPPOSITE if sign in predicate.rust)
    return predicate.rust.replace(sign, OPPOSITE[sign])


def _refusal(admits: Predicate | None, distinct: bool) -> str:
    conditions = [negation(admits)] if admits else []
    return " || ".join((*conditions, *(["self.items.contains(&x)"] if distinct else [])))


NUMBER_NAMES = ("Dial", "Tank", "Meter", "Wallet", "Volume", "Battery", "Lift", "Slider")


def draw_bounded(rng: random.Random) -> Draft:
    """Draw a number between two bounds: which changes are allowed, what happens at the bounds."""
    name, low = rng.choice(NUMBER_NAMES), rng.randint(-9, 0)
    high = low + rng.randint(8, 20)
    clamps, admits = rng.random() < 0.5, draw_condition(rng) if rng.random() < 0.6 else None
    change, read = rng.choice(("change", "shift", "move_by", "adjust")), rng.choice(READ_NAMES)
    counted, mapping = rng.choice(("refused", "changed", "none")), draw_mapping(rng)
    value_phrase = f"the number {mapped(mapping)}"
    returns = "i64" if counted == "none" else "(i64, usize)"
    count_phrase = {
        "refused": f"the pair of {value_phrase} and how often `{change}` returned false",
        "changed": f"the pair of {value_phrase} and how often `{change}` returned true",
        "none": value_phrase,
    }[counted]
    outside = "stops at the bound, and returns true as well" if clamps else "changes nothing and returns false"
    purpose = (
        f"keeps an i64 that never leaves {low}..={high}, with `new(start: i64) -> Self` (a start outside becomes the "
        f"nearer "
        f"bound); `{change}(&mut self, by: i64) -> bool`, which "
        + (f"changes nothing and returns false when `by` is not {admits.predicate}, and else " if admits else "")
        + f"adds `by` and returns true, but where the sum is outside the bounds it {outside}; and `{read}(&self) -> "
        f"{returns}`, "
        f"which returns {count_phrase}"
    )
    code = _bounded_source(name, (low, high), admits, clamps, (change, read, counted, returns, mapping.rust))

    def draw_case(r: random.Random) -> ValueCase:
        start, changes = r.randint(low - 3, high + 3), [r.randint(-9, 12) for _ in range(r.randint(1, 6))]
        value, results = min(max(start, low), high), []
        for by in changes:
            allowed = admits is None or admits.holds(by)
            done = allowed and (clamps or low <= value + by <= high)
            value = min(max(value + by, low), high) if done else value
            results.append(done)
        number = mapping.value(value)
        pair: Value = number if counted == "none" else (number, results.count(counted == "changed"))
        calls = ", ".join(f"it.{change}({by})" for by in changes)
        call = f"{{ let mut it = {name}::new({start}); let done: Vec<bool> = vec![{calls}]; (done, it.{read}()) }}"
        return case(call, f"(Vec<bool>, {returns})", (list(results), pair))

    parts = (admits.key if admits else "all", "clamp" if clamps else "refuse", counted, mapping.key)
    return Draft("bounded/" + "/".join(parts), 3, f"pub struct {name}", purpose, code, name, draw_case)


def _bounded_source(
    name: str, bounds: tuple[int, int], admits: Predicate | None, clamps: bool, methods: tuple[str, str, str, str, str]
) -> str:
    change, read, counted, returns, mapped_x = methods
    low, high = bounds
    fields = "    value: i64,\n" + ("" if counted == "none" else f"    {counted}: usize,\n")
    refused = "    self.refused += 1;\n" if counted == "refused" else ""
    done = "self.changed += 1;\n" if counted == "changed" else ""
    outside = f"!({low}..={high}).contains(&(self.value + by))"
    tests = [negation(admits).replace("x", "by")] if admits else []
    tests += [] if clamps else [outside]
    guard = f"if {' || '.join(tests)} {{\n{refused}    return false;\n}}\n" if tests else ""
    moved = f"self.value = (self.value + by).clamp({low}, {high});\n" if clamps else "self.value += by;\n"
    made = f"value: start.clamp({low}, {high})"
    new = f"Self {{\n    {made},\n" + ("" if counted == "none" else f"    {counted}: 0,\n") + "}"
    result = mapped_x if counted == "none" else f"({mapped_x}, self.{counted})"
    return f"pub struct {name} {{\n{fields}}}\n\n" + implementation(
        f"impl {name}",
        (
            ("pub fn new(start: i64) -> Self", new),
            (f"pub fn {change}(&mut self, by: i64) -> bool", f"{guard}{moved}{done}true"),
            (f"pub fn {read}(&self) -> {returns}", f"let x = self.value;\n{result}"),
        ),
    )
