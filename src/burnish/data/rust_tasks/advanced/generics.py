"""Compose generic functions with bounds; hidden tests call each with integers, characters and texts."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from burnish.data.rust_tasks.advanced.pieces import case, chain
from burnish.data.rust_tasks.draft import FUNCTION_NAMES, SLICE_NAMES, Draft, function
from burnish.data.rust_tasks.values import Char, Some, Value, debug_text
from burnish.records import ValueCase

Items = list[Value]
ELEMENTS: dict[str, tuple[Value, ...]] = {
    "i64": (-3, -1, 0, 2, 5, 8),
    "char": tuple(Char(c) for c in "abcdz"),
    "&'static str": ("a", "b", "be", "see", ""),
}


def rank(value: Value) -> int | str:
    """Return a key that orders elements as Rust does."""
    match value:
        case Char(text):
            return text
        case int() | str():
            return value
        case _:
            raise TypeError(f"{value!r} is no element")


@dataclass(frozen=True)
class Operation:
    """A generic function of slices; ``T`` stands in types for the element."""

    key: str
    bound: str
    returns: str
    purpose: str
    body: str
    value: Callable[..., Value]
    slices: tuple[str, ...]
    extra: tuple[str, str] | None = None
    """A last parameter and its type: ``T``, ``&T``, ``usize``."""


def _runs(items: Items) -> list[tuple[Value, int]]:
    return [(key, len(list(run))) for key, run in itertools.groupby(items)]


def _distinct(items: Items) -> Items:
    return [x for i, x in enumerate(items) if x not in items[:i]]


def _merged(a: Items, b: Items) -> Value:
    return [*sorted([*a, *b], key=rank)]


def _extremes(rng: random.Random, v: str) -> tuple[Operation, ...]:
    """Return operations that find an element or its place."""
    side = rng.choice(("largest", "smallest"))
    sign, best = (">", max) if side == "largest" else ("<", min)
    last = rng.random() < 0.5
    tie, equal = ("last", "=") if last else ("first", "")
    fold = (
        f"let mut best = 0;\nfor (i, x) in {v}.iter().enumerate() {{\n    if *x {sign}{equal} {v}[best] {{\n       "
        f" best = i;\n    }}\n}}\n"
    )

    def index(items: Items) -> int:
        wanted = best(items, key=rank)
        return len(items) - 1 - items[::-1].index(wanted) if last else items.index(wanted)

    empty = f"if {v}.is_empty() {{\n    return None;\n}}\n"
    method = "max" if side == "largest" else "min"
    return (
        Operation(f"{side}", "Ord + Copy", "Option<T>", f"returns the {side} element, or None where there is no "
                  f"element",
                  f"{v}.iter().copied().{method}()", lambda a: Some(best(a, key=rank)) if a else None, (v,)),
        Operation(f"place-of-{side}/{tie}", "PartialOrd", "Option<usize>",
                  f"returns the index of the {side} element, of equal ones the {tie}, or None where there is no "
                  f"element",
                  f"{empty}{fold}Some(best)", lambda a: Some(index(a)) if a else None, (v,)),
        Operation("both-extremes", "Ord + Clone", "Option<(T, T)>",
                  "returns the smallest and the largest element as a pair, or None where there is no element",
                  f"let smallest = {v}.iter().min()?.clone();\nlet largest = {v}.iter().max()?.clone();\n"
                  f"Some((smallest, largest))",
                  lambda a: Some((min(a, key=rank), max(a, key=rank))) if a else None, (v,)),
        Operation(f"common/{tie}", "PartialEq + Clone", "Option<T>",
                  "returns the element that occurs most often; of several such elements the one that occurs "
                  f"{'last' if last else 'first'} for the first time; None where there is no element",
                  f"let mut best = None;\nlet mut most = 0;\nfor (i, x) in {v}.iter().enumerate() {{\n"
                  f"    if {v}[..i].contains(x) {{\n        continue;\n    }}\n"
                  f"    let count = {v}.iter().filter(|y| *y == x).count();\n"
                  f"    if count >{equal} most {{\n        best = Some(x.clone());\n        most = count;\n    }}\n"
                  f"}}\nbest", lambda a: _common(a, last=last), (v,)),
    )  # fmt: skip


def _common(items: Items, *, last: bool) -> Value:
    distinct = _distinct(items)
    return Some(max(distinct[::-1] if last else distinct, key=items.count)) if items else None


def _rearranged(rng: random.Random, v: str, w: str) -> tuple[Operation, ...]:
    """Return operations that give vectors of elements."""
    k, descending = rng.randint(1, 3), rng.random() < 0.5
    order = "descending" if descending else "ascending"
    sort = "out.sort_unstable_by(|a, b| b.cmp(a));" if descending else "out.sort_unstable();"
    return (
        Operation(f"sorted/{order}", "Ord + Clone", "Vec<T>", f"returns the elements in {order} order, repeats "
                  f"included",
                  f"let mut out = {v}.to_vec();\n{sort}\nout", lambda a: [*sorted(a, key=rank, reverse=descending)], (v,
                  )),
        Operation(f"distinct-sorted/{order}", "Ord + Clone", "Vec<T>", f"returns the different elements, each once, "
                  f"in {order} order",
                  f"let mut out = {v}.to_vec();\n{sort}\nout.dedup();\nout",
                  lambda a: [*sorted(_distinct(a), key=rank, reverse=descending)], (v,)),
        Operation("distinct", "PartialEq + Clone", "Vec<T>", "returns the different elements, each once, in the order "
                  "in which they "
                  "occur first", f"let mut out: Vec<T> = Vec::new();\nfor x in {v} {{\n    if !out.contains(x) {{\n"
                  "        out.push(x.clone());\n    }\n}\nout", _distinct, (v,)),
        Operation("runs", "PartialEq + Clone", "Vec<(T, usize)>", "returns the runs of equal neighbours in order, "
                  "each as a pair of "
                  "the element and the length of the run", f"let mut out: Vec<(T, usize)> = Vec::new();\nfor x in {v} "
                  f"{{\n"
                  "    match out.last_mut() {\n        Some((last, count)) if last == x => *count += 1,\n"
                  "        _ => out.push((x.clone(), 1)),\n    }\n}\nout", lambda a: [*_runs(a)], (v,)),
        Operation("merge", "Ord + Clone", "Vec<T>", f"merges `{v}` and `{w}`, which are both sorted in ascending "
                  f"order, into one "
                  "sorted vector with all elements of both", f"let mut out = {v}.to_vec();\n"
                  f"out.extend_from_slice({w});\n"
                  "out.sort();\nout", _merged, (v, w)),
        Operation("interleave", "Clone", "Vec<T>", f"returns the elements of `{v}` and `{w}` in turn, beginning with "
                  f"`{v}`; when one of "
                  "the two has no more, the rest of the other follows",
                  f"let mut out = Vec::new();\nfor i in 0..{v}.len().max({w}.len()) {{\n    "
                  f"out.extend({v}.get(i).cloned());\n"
                  f"    out.extend({w}.get(i).cloned());\n}}\nout",
                  lambda a, b: [x for pair in itertools.zip_longest(a, b, fillvalue=...) for x in pair if x is not ...],
                  (v, w)),
        Operation("in-both", "PartialEq + Clone", "Vec<T>", f"returns the elements of `{v}` that `{w}` holds as well, "
                  f"in the order of "
                  f"`{v}`, repeats included", chain(v, "iter()", f"filter(|x| {w}.contains(x))", "cloned()",
                  "collect()"),
                  lambda a, b: [x for x in a if x in b], (v, w)),
        Operation("rotate", "Clone", "Vec<T>", f"returns the elements with the first {k} moved to the end; a slice of "
                  f"at most {k} "
                  "elements comes back as it is", f"let mut out = {v}.to_vec();\nif out.len() > {k} {{\n    "
                  f"out.rotate_left({k});\n}}\n"
                  "out", lambda a: [*a[k:], *a[:k]] if len(a) > k else [*a], (v,)),
    )  # fmt: skip


def _asked(rng: random.Random, v: str, w: str) -> tuple[Operation, ...]:
    """Return operations that count, check or search."""
    strict = rng.random() < 0.5
    sign, word = ("<", "greater than") if strict else ("<=", "at least as great as")
    which = rng.choice(("before", "after"))
    last = rng.random() < 0.5
    position = "rposition" if last else "position"
    place = "..index" if which == "before" else "index + 1.."
    return (
        Operation(f"is-sorted/{'strict' if strict else 'weak'}", "PartialOrd", "bool", f"tells whether each element "
                  f"is {word} the one "
                  "before it (true for fewer than two elements)", f"{v}.windows(2).all(|w| w[0] {sign} w[1])",
                  lambda a: all(_less(x, y, strict=strict) for x, y in itertools.pairwise(a)), (v,)),
        Operation("count-equal", "PartialEq", "usize", "counts the elements equal to `wanted`",
                  f"{v}.iter().filter(|x| *x == wanted).count()", lambda a, x: a.count(x), (v,), ("wanted", "&T")),
        Operation("count-less", "PartialOrd", "usize", "counts the elements less than `limit`",
                  f"{v}.iter().filter(|x| *x < limit).count()", lambda a, x: sum(rank(y) < rank(x) for y in a),  # type: ignore[operator]
                  (v,), ("limit", "&T")),
        Operation("all-different", "PartialEq", "bool", "tells whether no two elements are equal",
                  f"(1..{v}.len()).all(|i| !{v}[..i].contains(&{v}[i]))", lambda a: len(_distinct(a)) == len(a), (v,)),
        Operation("starts-with", "PartialEq", "usize", f"returns the length of the longest common beginning of `{v}` "
                  f"and `{w}`",
                  chain(v, "iter()", f"zip({w})", "take_while(|(x, y)| x == y)", "count()"),
                  lambda a, b: len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))),
                  (v, w)),
        Operation(f"part/{which}/{'last' if last else 'first'}", "PartialEq", "&'a [T]",
                  f"returns the part of `{v}` {which} the {'last' if last else 'first'} element equal to `wanted`, or "
                  f"all of `{v}` "
                  "where there is no such element",
                  f"match {v}.iter().{position}(|x| x == wanted) {{\n    Some(index) => &{v}[{place}],\n    None => "
                  f"{v},\n}}",
                  lambda a, x: _part(a, x, before=which == "before", last=last), (v,), ("wanted", "&T")),
    )  # fmt: skip


def _less(a: Value, b: Value, *, strict: bool) -> bool:
    low, high = rank(a), rank(b)
    return low < high or (not strict and low == high)  # type: ignore[operator]


def _part(items: Items, wanted: Value, *, before: bool, last: bool) -> Value:
    places = [i for i, x in enumerate(items) if x == wanted]
    if not places:
        return [*items]
    index = places[-1 if last else 0]
    return [*(items[:index] if before else items[index + 1 :])]


@dataclass(frozen=True)
class Cut:
    """Part of the first slice that counts."""

    key: str
    phrase: str
    """Stands before the purpose."""
    rust: str
    value: Callable[[Items], Items]


def _draw_cut(rng: random.Random, v: str) -> Cut:
    k = rng.randint(1, 2)
    elements = "element" if k == 1 else f"{k} elements"
    short = f"all, where `{v}` has no more"
    return rng.choice(
        (
            Cut("all", "", "", lambda a: a),
            Cut("but-first", f"leaves out the first {elements} of `{v}` ({short}) and then ",
                f"let {v} = {v}.get({k}..).unwrap_or_default();\n", lambda a: a[k:]),
            Cut("but-last", f"leaves out the last {elements} of `{v}` ({short}) and then ",
                f"let {v} = &{v}[..{v}.len().saturating_sub({k})];\n", lambda a: a[: max(0, len(a) - k)]),
            Cut("first", f"looks at the first {k + 2} elements of `{v}` only ({short}) and ",
                f"let {v} = &{v}[..{v}.len().min({k + 2})];\n", lambda a: a[: k + 2]),
        )
    )  # fmt: skip


def draw_generics(rng: random.Random) -> Draft:
    """Draw one generic function, over all of a slice or a part of it."""
    v = rng.choice(SLICE_NAMES)
    w = rng.choice([name for name in ("others", "second", "more") if name != v])
    operation = rng.choice((*_extremes(rng, v), *_rearranged(rng, v, w), *_asked(rng, v, w)))
    name, cut = rng.choice(FUNCTION_NAMES), _draw_cut(rng, v)
    borrowed = "'a " if "'a" in operation.returns else ""
    parameters = [f"{name}: &{borrowed}[T]" for name in operation.slices]
    parameters += [": ".join(operation.extra)] if operation.extra else []
    lifetimes = "'a, " if borrowed else ""
    head = f"pub fn {name}<{lifetimes}T: {operation.bound}>({', '.join(parameters)}) -> {operation.returns}"

    def draw_case(r: random.Random) -> ValueCase:
        kind = r.choice(sorted(ELEMENTS))
        slices = [[r.choice(ELEMENTS[kind]) for _ in range(r.choice((0, 1, 2, 3, 4, 5, 6)))] for _ in operation.slices]
        if operation.key == "merge":
            slices = [sorted(items, key=rank) for items in slices]
        wanted = [r.choice(ELEMENTS[kind])] if operation.extra else []
        lets = "".join(
            f"let {name}: &[{kind}] = &{debug_text(a)}; " for name, a in zip(operation.slices, slices, strict=True)
        )
        listed = ", ".join([*operation.slices, *(f"&{debug_text(x)}" for x in wanted)])
        returns = operation.returns.replace("T", kind).replace("'a ", "")
        expected = operation.value(cut.value(slices[0]), *slices[1:], *wanted)
        return case(f"{{ {lets}{name}({listed}) }}", returns, expected)

    purpose = cut.phrase + operation.purpose
    purpose += "; the index counts within what is left" if cut.phrase and operation.returns == "Option<usize>" else ""
    source = function(head, cut.rust + operation.body)
    return Draft(f"unseen-generics/{operation.key}/{cut.key}", 3, head, purpose, source, name, draw_case)
