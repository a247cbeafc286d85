"""Compose tasks whose naive answer draws a lint of clippy; the key of each shape names the lint."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from burnish.data.rust_tasks.advanced.pieces import chain, draw_condition, each, mapped, read_integer
from burnish.data.rust_tasks.draft import (
    FUNCTION_NAMES,
    SLICE_NAMES,
    TEXT_NAMES,
    Draft,
    Head,
    draw_integers,
    function_draft,
)
from burnish.data.rust_tasks.parts import Mapping, Predicate, draw_mapping
from burnish.data.rust_tasks.values import Some, Value

Arguments = tuple[Value, ...]


@dataclass(frozen=True)
class Shape:
    """One kind of task, on parameters that it names itself."""

    key: str
    parameters: tuple[tuple[str, str], ...]
    returns: str
    purpose: str
    body: str
    oracle: Callable[..., Value]
    draw: Callable[[random.Random], Arguments]


def _integers(rng: random.Random) -> Arguments:
    return (draw_integers(rng),)


def _options(rng: random.Random) -> Arguments:
    return ([None if rng.random() < 0.4 else Some(x) for x in draw_integers(rng)],)


@dataclass(frozen=True)
class Parts:
    """Parts of one task."""

    v: str
    s: str
    predicate: Predicate
    mapping: Mapping
    k: int
    low: int
    high: int

    @property
    def word(self) -> str:
        """Return the condition as it reads after "is"."""
        return self.predicate.predicate


def _by_index(p: Parts) -> tuple[Shape, ...]:
    """Return shapes that are naively written with an index."""
    v, holds, value = p.v, p.predicate.holds, p.mapping.value
    one_slice, two_slices = ((v, "&[i64]"),), ((v, "&[i64]"), ("other", "&[i64]"))
    return (
        Shape(f"needless-range-loop/positions/{p.predicate.key}", one_slice, "Vec<usize>",
              f"returns the indices of the values that are {p.word}, in ascending order",
              chain(v, "iter()", "enumerate()", f"filter(|&(_, &x)| {p.predicate.rust})", "map(|(i, _)| i)",
              "collect()"),
              lambda a: [i for i, x in enumerate(a) if holds(x)], _integers),
        Shape(f"needless-range-loop/weighted/{p.predicate.key}/{p.mapping.key}", one_slice, "i64",
              f"adds up, for every value that is {p.word}, the value {mapped(p.mapping)} times its index (counted "
              f"from 0); "
              "0 if there is none",
              f"let mut total = 0;\nfor (i, &x) in (0..).zip({v}) {{\n    if {p.predicate.rust} {{\n"
              f"        total += i * ({p.mapping.rust});\n    }}\n}}\ntotal",
              lambda a: sum(i * value(x) for i, x in enumerate(a) if holds(x)), _integers),
        Shape(f"manual-find/difference/{p.mapping.key}", two_slices, "Option<usize>",
              f"returns the first index at which the value of `other` is not the value of `{v}` {mapped(p.mapping)}, "
              f"as far as the "
              "shorter of the two slices goes, or None",
              chain(v, "iter()", "zip(other)", f"position(|(&x, &y)| y != {p.mapping.rust})"),
              lambda a, b: next((Some(i) for i, (x, y) in enumerate(zip(a, b, strict=False)) if y != value(x)), None),
              lambda r: _images(r, value)),
        Shape(f"same-item-push/{p.mapping.key}", one_slice, "Vec<i64>",
              f"returns a vector that begins with {p.k} times the number {p.k + 2}, followed by the values of `{v}`, "
              f"{each(p.mapping)}",
              f"let mut out = vec![{p.k + 2}; {p.k}];\n"
              f"out.extend({chain(v, 'iter()', f'map(|&x| {p.mapping.rust})')});\nout",
              lambda a: [*[p.k + 2] * p.k, *map(value, a)], _integers),
        Shape(f"needless-range-loop/every/{p.predicate.key}", one_slice, "Vec<i64>",
              f"returns of the values that are {p.word} those in place {p.k}, {2 * p.k}, {3 * p.k} and so on (places "
              f"count from 1)",
              chain(v, "iter()", "copied()", f"filter(|&x| {p.predicate.rust})", f"skip({p.k - 1})", f"step_by({p.k})",
              "collect()"),
              lambda a: [*filter(holds, a)][p.k - 1 :: p.k], _integers),
    )  # fmt: skip


def _images(rng: random.Random, value: Callable[[int], int]) -> Arguments:
    numbers = [x for x in draw_integers(rng) if isinstance(x, int)]
    image = [value(x) if rng.random() < 0.8 else x for x in numbers]
    return [*numbers], [*image[: rng.randint(0, len(image))], 1]


def _manual(p: Parts) -> tuple[Shape, ...]:
    """Return shapes that the standard library has a method for."""
    v, s, k, holds, value = p.v, p.s, p.k, p.predicate.holds, p.mapping.value
    one_slice, text = ((v, "&[i64]"),), ((s, "&str"),)
    options = ((v, "&[Option<i64>]"),)
    prefix = ("ab", "no-", "x", "id:", "re")[k % 5]
    return (
        Shape(f"manual-clamp/{p.mapping.key}", one_slice, "Vec<i64>",
              f"returns the values, {each(p.mapping)}, and then limited to {p.low}..={p.high}: what is below becomes "
              f"{p.low}, what is "
              f"above becomes {p.high}",
              chain(v, "iter()", f"map(|&x| {_called(p.mapping.rust, f'clamp({p.low}, {p.high})')})", "collect()"),
              lambda a: [min(max(value(x), p.low), p.high) for x in a], _integers),
        Shape(f"manual-flatten/sum/{p.mapping.key}", options, "i64",
              f"adds up the numbers that are there (not None), {each(p.mapping)}; 0 if there is none",
              chain(v, "iter()", "flatten()", f"map(|&x| {p.mapping.rust})", "sum()"),
              lambda a: sum(value(x.value) for x in a if x), _options),
        Shape(f"manual-flatten/keep/{p.predicate.key}", options, "Vec<i64>",
              f"returns the numbers that are there (not None) and {p.word}, in order",
              chain(v, "iter()", "flatten()", "copied()", f"filter(|&x| {p.predicate.rust})", "collect()"),
              lambda a: [x.value for x in a if x and holds(x.value)], _options),
        Shape(f"filter-next/{p.predicate.key}/{p.mapping.key}", one_slice, "Option<i64>",
              f"returns the first value that is {p.word} after each value has been replaced by the value "
              f"{mapped(p.mapping)}, or None",
              chain(v, "iter()", f"map(|&x| {p.mapping.rust})", f"find(|&x| {p.predicate.rust})"),
              lambda a: next((Some(value(x)) for x in a if holds(value(x))), None), _integers),
        Shape(f"manual-strip/{p.predicate.key}", text, "Option<i64>",
              f'reads the number behind the prefix "{prefix}" of `{s}`; None without that prefix, where the rest is '
              f'not an i64, or '
              f"where the number is not {p.word}",
              chain(s, f'strip_prefix("{prefix}")?', "parse()", "ok()", f"filter(|&x: &i64| {p.predicate.rust})"),
              lambda t: _behind(t, prefix, holds), lambda r: (_prefixed(r, prefix),)),
        Shape(f"result-filter-map/{p.predicate.key}/{p.mapping.key}", text, "Vec<i64>",
              f"returns the words of `{s}` (separated by white space) that are i64 numbers and {p.word}, "
              f"{each(p.mapping)}; "
              "other words are passed over",
              chain(s, "split_whitespace()", "filter_map(|word| word.parse().ok())", f"filter(|&x: &i64| "
              f"{p.predicate.rust})",
                    f"map(|x| {p.mapping.rust})", "collect()"),
              lambda t: [value(x) for x in map(read_integer, t.split()) if x is not None and holds(x)],
              lambda r: (" ".join(r.choice((str(r.randint(-9, 12)), "a", "1.5", "7x")) for _ in range(r.randint(0, 6))),
              )),
    )  # fmt: skip


def _arithmetic(p: Parts) -> tuple[Shape, ...]:
    """Return shapes on integers and slices that have a method."""
    v, k, holds, value = p.v, p.k, p.predicate.holds, p.mapping.value
    return (
        Shape(f"manual-abs-diff/{p.predicate.key}", (("a", "i64"), ("b", "i64")), "u64",
              f"returns the distance between `a` and `b`, but 0 if their sum is {p.word}",
              f"let x = a + b;\nif {p.predicate.rust} {{\n    0\n}} else {{\n    a.abs_diff(b)\n}}",
              lambda a, b: 0 if holds(a + b) else abs(a - b), lambda r: (r.randint(-12, 12), r.randint(-12, 12))),
        Shape(f"manual-div-ceil/{p.predicate.key}", ((v, "&[i64]"),), "usize",
              f"returns how many boxes of {k + 1} the values that are {p.word} fill, a box that is not full counted "
              f"as well",
              chain(v, "iter()", f"filter(|&&x| {p.predicate.rust})", "count()", f"div_ceil({k + 1})"),
              lambda a: -(-sum(map(holds, a)) // (k + 1)), _integers),
        Shape(f"manual-swap/{p.mapping.key}", ((v, "&[i64]"), ("i", "usize"), ("j", "usize")), "Vec<i64>",
              f"returns a copy of `{v}` with the values at `i` and `j` exchanged, all of them then "
              f"{mapped(p.mapping)}; the order "
              "stays as it is where `i` or `j` is no index of it",
              f"let mut out: Vec<i64> = {chain(v, 'iter()', f'map(|&x| {p.mapping.rust})', 'collect()', bound=True)};\n"
              "if i < out.len() && j < out.len() {\n    out.swap(i, j);\n}\nout",
              lambda a, i, j: _swapped([*map(value, a)], i, j),
              lambda r: (draw_integers(r), r.randint(0, 6), r.randint(0, 6))),
    )  # fmt: skip


def _called(rust: str, call: str) -> str:
    """Return a method call on an expression."""
    simple = rust.endswith(")") and rust.startswith(("x.", "n."))
    return f"{rust}.{call}" if simple else f"({rust}).{call}"


def _swapped(values: list[Value], i: int, j: int) -> Value:
    if max(i, j) < len(values):
        values[i], values[j] = values[j], values[i]
    return values


def _prefixed(rng: random.Random, prefix: str) -> str:
    rest = rng.choice((str(rng.randint(-12, 15)), str(rng.randint(0, 9)), "", "4b", "two"))
    return rng.choice((prefix, prefix, prefix, "", prefix.upper())) + rest


def _behind(text: str, prefix: str, holds: Callable[[int], bool]) -> Value:
    x = read_integer(text.removeprefix(prefix)) if text.startswith(prefix) else None
    return Some(x) if x is not None and holds(x) else None


def _needless(p: Parts) -> tuple[Shape, ...]:
    """Return shapes that are naively written with needless code."""
    v, s, k, holds, value = p.v, p.s, p.k, p.predicate.holds, p.mapping.value
    one_slice, number = ((v, "&[i64]"),), (("x", "i64"),)
    below, equal, above = (("low", "mid", "high"), ("under", "on", "over"), ("less", "same", "more"))[k % 3]
    return (
        Shape(f"len-zero/{p.predicate.key}", one_slice, "bool",
              f"tells whether `{v}` is not empty while none of its values is {p.word}",
              f"!{v}.is_empty() && !{v}.iter().any(|&x| {p.predicate.rust})",
              lambda a: bool(a) and not any(map(holds, a)), _integers),
        Shape(f"needless-bool/{p.predicate.key}/{p.mapping.key}", number, "bool",
              f"returns false if `x` is {p.word} and its value {mapped(p.mapping)} is above {k}, and true otherwise",
              f"!({p.predicate.rust} && {p.mapping.rust} > {k})", lambda x: not (holds(x) and value(x) > k),
              lambda r: (r.randint(-15, 15),)),
        Shape(f"collapsible-if/{p.predicate.key}/{p.mapping.key}", one_slice, "i64",
              f"adds up the values that are {p.word} and whose value {mapped(p.mapping)} is above {k}; 0 if there is "
              f"none",
              f"let mut total = 0;\nfor &x in {v} {{\n    if {p.predicate.rust} && {p.mapping.rust} > {k} {{\n        "
              f"total += x;\n"
              "    }\n}\ntotal", lambda a: sum(x for x in a if holds(x) and value(x) > k), _integers),
        Shape(f"needless-return/{p.mapping.key}", number, "&'static str",
              f'compares `x` {mapped(p.mapping)} with {k} and returns "{below}" where it is less, "{equal}" where it '
              f'is equal, '
              f'"{above}" where it is greater',
              f"match {_called(p.mapping.rust, f'cmp(&{k})')} {{\n    std::cmp::Ordering::Less => \"{below}\",\n"
              f"    std::cmp::Ordering::Equal => \"{equal}\",\n    std::cmp::Ordering::Greater => \"{above}\",\n}}",
              lambda x: below if value(x) < k else above if value(x) > k else equal, lambda r: (r.randint(-6, 9),)),
        Shape(f"question-mark/{p.predicate.key}/{p.mapping.key}", one_slice, "Option<i64>",
              f"returns the first value, {mapped(p.mapping)}, plus the last value that is {p.word}, or None where one "
              f"of the two "
              "is not there",
              f"let x = *{v}.first()?;\nlet last = {v}.iter().rfind(|&&x| {p.predicate.rust})?;\n"
              f"Some({p.mapping.rust} + last)",
              lambda a: next((Some(value(a[0]) + x) for x in a[::-1] if holds(x)), None), _integers),
        Shape(f"let-and-return/{p.mapping.key}", ((s, "&str"),), "i64",
              f"returns the number of different characters of `{s}`, {mapped(p.mapping)}",
              f"let mut seen: Vec<char> = {s}.chars().collect();\nseen.sort_unstable();\nseen.dedup();\n"
              f"let x = seen.len() as i64;\n{p.mapping.rust}",
              lambda t: value(len(set(t))), lambda r: ("".join(r.choice("aabcde 12") for _ in range(r.randint(0, 9))),
              )),
        Shape(f"assign-op-pattern/{p.mapping.key}", (("n", "i64"),), "Vec<i64>",
              f"returns the numbers that one meets on the way from `n` down to 0 when each is divided by {k + 1} "
              f"(rounded towards 0) to "
              f"give the next, 0 itself left out, {each(p.mapping)}; nothing for an `n` below 1",
              f"let mut out = Vec::new();\nlet mut x = n;\nwhile x > 0 {{\n    out.push({p.mapping.rust});\n    x /= "
              f"{k + 1};\n}}\nout",
              lambda n: [*map(value, _divided(n, k + 1))], lambda r: (r.choice((0, -4, r.randint(1, 900), r.randint(1,
              60))),)),
    )  # fmt: skip


def _divided(n: int, by: int) -> list[int]:
    met = []
    while n > 0:
        met.append(n)
        n //= by
    return met


def draw_lints(rng: random.Random) -> Draft:
    """Draw one shape with its parts."""
    low = rng.randint(-6, 3)
    parts = Parts(rng.choice(SLICE_NAMES), rng.choice(TEXT_NAMES), draw_condition(rng), draw_mapping(rng),
    rng.randint(2, 5),
                  low, low + rng.randint(3, 9))  # fmt: skip
    shape = rng.choice((*_by_index(parts), *_manual(parts), *_arithmetic(parts), *_needless(parts)))
    return function_draft(
        combination="lints/" + shape.key,
        level=3,
        head=Head(rng.choice(FUNCTION_NAMES), shape.parameters, shape.returns),
        purpose=shape.purpose,
        body=shape.body,
        draw=shape.draw,
        oracle=shape.oracle,
    )
