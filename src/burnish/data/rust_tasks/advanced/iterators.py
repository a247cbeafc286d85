"""Compose chains of iterator adaptors: source x filter x mapping x ending."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from burnish.data.rust_tasks.advanced.pieces import Ending, chain, draw_condition, each, maybe_mapping
from burnish.data.rust_tasks.draft import FUNCTION_NAMES, SLICE_NAMES, Draft, Head, draw_integers, function_draft
from burnish.data.rust_tasks.parts import draw_mapping
from burnish.data.rust_tasks.values import Some, Value, remainder


@dataclass(frozen=True)
class Adaptor:
    """Source of a chain: one slice, or two, as a sequence of integers."""

    key: str
    phrase: str
    calls: tuple[str, ...]
    """Rust, on the slice."""
    values: Callable[..., list[int]]
    slices: int = 1


_SCAN_SUM = "scan(0, |total, &x| {\n    *total += x;\n    Some(*total)\n})"
_SCAN_MAX = "scan(i64::MIN, |top, &x| {\n    *top = x.max(*top);\n    Some(*top)\n})"
_SCAN_MIN = "scan(i64::MAX, |low, &x| {\n    *low = x.min(*low);\n    Some(*low)\n})"


def _windows(values: list[int], k: int) -> list[list[int]]:
    return [values[i : i + k] for i in range(len(values) - k + 1)]


def _chunks(values: list[int], k: int) -> list[list[int]]:
    return [values[i : i + k] for i in range(0, len(values), k)]


def _grouping(rng: random.Random) -> tuple[Adaptor, ...]:
    """Return adaptors that look at several neighbours."""
    k = rng.randint(2, 4)
    every = f"every {k} neighbouring values (nothing if there are fewer than {k})"
    groups = f"consecutive groups of {k} values (the last group may be shorter)"
    total, top = "map(|w| w.iter().sum::<i64>())", "filter_map(|w| w.iter().copied().max())"
    low = top.replace("max", "min")
    return (
        Adaptor("windows-sum", f"the sums of {every}", (f"windows({k})", total), lambda v: [sum(w) for w in _windows(v,
                k)]),
        Adaptor("windows-max", f"the maxima of {every}", (f"windows({k})", top), lambda v: [max(w) for w in _windows(v,
                k)]),
        Adaptor("windows-min", f"the minima of {every}", (f"windows({k})", low), lambda v: [min(w) for w in _windows(v,
                k)]),
        Adaptor("differences", "the differences between each value and the one before it (value minus the one before)",
                ("windows(2)", "map(|w| w[1] - w[0])"), lambda v: [b - a for a, b in itertools.pairwise(v)]),
        Adaptor("chunks-sum", f"the sums of {groups}", (f"chunks({k})", total), lambda v: [sum(c) for c in _chunks(v,
                k)]),
        Adaptor("chunks-max", f"the maxima of {groups}", (f"chunks({k})", top), lambda v: [max(c) for c in _chunks(v,
                k)]),
        Adaptor("chunks-last", f"the last values of {groups}", (f"chunks({k})", "filter_map(|c| c.last().copied())"),
                lambda v: [c[-1] for c in _chunks(v, k)]),
    )  # fmt: skip


def _running(rng: random.Random) -> tuple[Adaptor, ...]:
    """Return adaptors that remember, stop, begin late or skip."""
    k, predicate = rng.randint(2, 4), draw_condition(rng)
    holds, rust, word = predicate.holds, predicate.rust, predicate.predicate
    return (
        Adaptor("scan-sum", "the running totals (each is the sum of the values so far)", ("iter()", _SCAN_SUM),
                lambda v: list(itertools.accumulate(v))),
        Adaptor("scan-max", "the running maxima (each is the largest of the values so far)", ("iter()", _SCAN_MAX),
                lambda v: list(itertools.accumulate(v, max))),
        Adaptor("scan-min", "the running minima (each is the smallest of the values so far)", ("iter()", _SCAN_MIN),
                lambda v: list(itertools.accumulate(v, min))),
        Adaptor("take-while", f"the leading values that are {word} (up to the first that is not)",
                ("iter()", "copied()", f"take_while(|&x| {rust})"), lambda v: list(itertools.takewhile(holds, v))),
        Adaptor("skip-while", f"what is left after the leading values that are {word}",
                ("iter()", "copied()", f"skip_while(|&x| {rust})"), lambda v: list(itertools.dropwhile(holds, v))),
        Adaptor("step-by", f"every value at an index divisible by {k} (indices count from 0)",
                ("iter()", "copied()", f"step_by({k})"), lambda v: v[::k]),
        Adaptor("skip", f"all but the first {k} values", ("iter()", "copied()", f"skip({k})"), lambda v: v[k:]),
        Adaptor("backwards", "the values from the last to the first", ("iter()", "rev()", "copied()"),
                lambda v: v[::-1]),
    )  # fmt: skip


def _pairing(rng: random.Random, first: str, second: str) -> tuple[Adaptor, ...]:
    """Return adaptors that pair, index or multiply values."""
    mapping = draw_mapping(rng)
    sign, noun = rng.choice((("+", "sums"), ("*", "products"), ("-", "differences")))
    minus = ", the first minus the second," if sign == "-" else ""

    def combine(a: int, b: int) -> int:
        return {"+": a + b, "*": a * b, "-": a - b}[sign]

    pair = f"map(|(a, b)| a {sign} b)"
    return (
        Adaptor(f"index-{noun}", f"the {noun} of each value and its index (counted from 0){minus}",
                ("iter()", "zip(0..)", f"map(|(x, i)| x {sign} i)"), lambda v: [combine(x, i) for i,
                x in enumerate(v)]),
        Adaptor(f"next-{noun}", f"the {noun} of each value and the next one{minus}".rstrip(","),
                ("iter()", f"zip({first}.iter().skip(1))", pair), lambda v: [combine(a, b) for a,
                b in itertools.pairwise(v)]),
        Adaptor(f"mirror-{noun}",
                f"the {noun} of the first and the last value, of the second and the last but one, and so on for every "
                f"value to the end{minus}".rstrip(","),
                ("iter()", f"zip({first}.iter().rev())", pair),
                lambda v: [combine(a, b) for a, b in zip(v, v[::-1], strict=True)]),
        Adaptor(f"two-{noun}",
                f"the {noun} of the values at the same index of `{first}` and `{second}`{minus} "
                "as far as the shorter of the two goes", ("iter()", f"zip({second})", pair),
                lambda v, w: [combine(a, b) for a, b in zip(v, w, strict=False)], 2),
        Adaptor("repeat-" + mapping.key, f"each value followed by the same value {each(mapping).removeprefix('each ')}",
                ("iter()", f"flat_map(|&x| [x, {mapping.rust}])"), lambda v: [y for x in v for y in (x,
                mapping.value(x))]),
        Adaptor("count-up", "the integers from 1 to x, for each value x in turn (nothing for a value below 1)",
                ("iter()", "flat_map(|&x| 1..=x)"), lambda v: [i for x in v for i in range(1, x + 1)]),
        Adaptor("chained", f"the values of `{first}`, then those of `{second}`", ("iter()", f"chain({second})",
                "copied()"),
                lambda v, w: [*v, *w], 2),
    )  # fmt: skip


def _folded(values: list[int], factor: int, modulus: int) -> int:
    total = 0
    for x in values:
        total = remainder(total * factor + x, modulus)
    return total


def _draw_ending(rng: random.Random) -> Ending:
    factor, modulus, predicate = rng.randint(2, 9), rng.choice((97, 101, 997, 1009)), draw_condition(rng)
    word = predicate.predicate
    fold = f"fold(0, |total, x| (total * {factor} + x) % {modulus})"
    return rng.choice(
        (
            Ending("sum", "their sum (0 if nothing is left)", "sum()", "i64", sum),
            Ending("max", "the largest (None if nothing is left)", "max()", "Option<i64>",
                   lambda v: Some(max(v)) if v else None),
            Ending("min", "the smallest (None if nothing is left)", "min()", "Option<i64>",
                   lambda v: Some(min(v)) if v else None),
            Ending("collect", "them as a vector, in that order", "collect()", "Vec<i64>", list),
            Ending("fold", f"a checksum of them: it begins at 0, and each x in turn replaces it by "
                   f"`(checksum * {factor} + x) % {modulus}`", fold, "i64", lambda v: _folded(v, factor, modulus)),
            Ending("any-" + predicate.key, f"whether any of them is {word} (false if nothing is left)",
                   f"any(|x| {predicate.rust})", "bool", lambda v: any(map(predicate.holds, v))),
            Ending("all-" + predicate.key, f"whether all of them are {word} (true if nothing is left)",
                   f"all(|x| {predicate.rust})", "bool", lambda v: all(map(predicate.holds, v))),
            Ending("position-" + predicate.key,
                   f"the position, counted from 0 in that sequence, of the first that is {word} (None if there is "
                   f"none)",
                   f"position(|x| {predicate.rust})", "Option<usize>",
                   lambda v: next((Some(i) for i, x in enumerate(v) if predicate.holds(x)), None)),
        )
    )  # fmt: skip


def draw_iterators(rng: random.Random) -> Draft:
    """Draw one chain of adaptors over a slice, or over two."""
    first = rng.choice(SLICE_NAMES)
    second = rng.choice([name for name in ("others", "second", "more", "weights") if name != first])
    adaptor = rng.choice((*_grouping(rng), *_running(rng), *_pairing(rng, first, second)))
    predicate = draw_condition(rng) if rng.random() < 0.4 else None
    mapping = maybe_mapping(rng, 0.4)
    ending = _draw_ending(rng)

    calls = list(adaptor.calls)
    calls += [f"filter(|&x| {predicate.rust})"] if predicate else []
    calls += [f"map(|x| {mapping.rust})"] if mapping else []
    purpose = f"takes {adaptor.phrase}" + (f" in `{first}`" if adaptor.slices == 1 else "")
    purpose += f", keeps those that are {predicate.predicate}" if predicate else ""
    purpose += f", {rng.choice(('turns them into new values', 'changes them'))}, {each(mapping)}" if mapping else ""
    purpose += f", and returns {ending.phrase}"
    body = chain(first, *calls, ending.rust)

    def oracle(*slices: list[int]) -> Value:
        kept = [x for x in adaptor.values(*slices) if predicate is None or predicate.holds(x)]
        return ending.value([mapping.value(x) for x in kept] if mapping else kept)

    parameters = ((first, "&[i64]"), (second, "&[i64]"))[: adaptor.slices]
    parts = (adaptor.key, predicate.key if predicate else "all", mapping.key if mapping else "same", ending.key)
    return function_draft(
        combination="iterators/" + "/".join(parts),
        level=3,
        head=Head(rng.choice(FUNCTION_NAMES), parameters, ending.returns),
        purpose=purpose,
        body=body,
        draw=lambda r: tuple(draw_integers(r) for _ in parameters),
        oracle=oracle,
    )
