"""Compose tasks on ownership and borrowing: `&mut` arguments, returned slices, map entries, `take` and `replace`."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from textwrap import indent

from burnish.data.rust_tasks.advanced.pieces import case, chain, draw_condition, mapped, vector
from burnish.data.rust_tasks.draft import FUNCTION_NAMES, SLICE_NAMES, Draft, draw_integers, function
from burnish.data.rust_tasks.parts import Mapping, Predicate, draw_mapping
from burnish.data.rust_tasks.values import Some, Value, argument, debug_text
from burnish.records import ValueCase


@dataclass(frozen=True)
class Parts:
    """Parts of one task."""

    name: str
    v: str
    """Name of the parameter."""
    predicate: Predicate
    mapping: Mapping

    @property
    def word(self) -> str:
        """Return the condition as it reads after "is"."""
        return self.predicate.predicate

    def kept(self, values: list[int]) -> list[int]:
        """Return the values that satisfy the condition."""
        return [x for x in values if self.predicate.holds(x)]

    def draft(
        self, key: str, signature: str, purpose: str, body: str, draw_case: Callable[[random.Random], ValueCase]
    ) -> Draft:
        """Build the draft of one function."""
        return Draft("borrows/" + key, 3, signature, purpose, function(signature, body), self.name, draw_case)

    def changed_case(
        self, returns: str, meaning: Callable[[list[int]], tuple[Value, list[int]]]
    ) -> Callable[[random.Random], ValueCase]:
        """Return a function that draws cases with a mutably borrowed vector; result and vector are compared."""

        def draw_case(r: random.Random) -> ValueCase:
            values = [x for x in draw_integers(r) if isinstance(x, int)]
            result, left = meaning(values)
            call = f"{{ let mut v: Vec<i64> = {vector(list(values))}; let out = {self.name}(&mut v); (out, v) }}"
            return case(call, f"({returns}, Vec<i64>)", (result, list(left)))

        return draw_case

    def sliced_case(self, returns: str, meaning: Callable[[list[int]], Value]) -> Callable[[random.Random], ValueCase]:
        """Return a function that draws cases with a slice."""

        def draw_case(r: random.Random) -> ValueCase:
            values = [x for x in draw_integers(r) if isinstance(x, int)]
            return case(f"{self.name}({argument(list(values))})", returns, meaning(values))

        return draw_case


def _partitioned(source: str, taken: str, predicate: Predicate) -> str:
    """Return lines of Rust that take what satisfies the condition out of a borrowed vector."""
    parts = chain("all", "into_iter()", f"partition(|&x| {predicate.rust})", bound=True)
    return f"let all = std::mem::take({source});\nlet ({taken}, kept) = {parts};\n*{source} = kept;\n"


def _extract(rng: random.Random, p: Parts) -> Draft:
    sort = rng.random() < 0.4
    order = ", sorted" if sort else ""
    body = _partitioned(p.v, "mut taken" if sort else "taken", p.predicate)
    body += "taken.sort_unstable();\ntaken" if sort else "taken"
    return p.draft(
        f"extract/{p.predicate.key}/{'sorted' if sort else 'ordered'}",
        f"pub fn {p.name}({p.v}: &mut Vec<i64>) -> Vec<i64>",
        f"removes the {p.predicate.of('values')} from `{p.v}` and returns them{order}; what stays in `{p.v}` keeps "
        f"its order"
        + ("" if sort else ", and so does what is returned"),
        body,
        p.changed_case("Vec<i64>", lambda v: (
            [*(sorted(p.kept(v)) if sort else p.kept(v))], [x for x in v if not p.predicate.holds(x)])),
    )  # fmt: skip


def _update(rng: random.Random, p: Parts) -> Draft:  # noqa: ARG001 - as all kinds here
    change = p.mapping.rust.replace("x", "*x").replace("*x.abs()", "x.abs()")
    condition = (
        p.predicate.rust.replace("&x", "x") if p.predicate.key == "between" else p.predicate.rust.replace("x", "*x")
    )
    assign = {"*x * ": "*x *= ", "*x + ": "*x += ", "*x - ": "*x -= ", "*x % ": "*x %= "}.get(change[:5])
    assign = assign + change[5:] if assign and change.count("*x") == 1 else f"*x = {change}"
    assign = "*x *= *x" if p.mapping.key == "square" else "*x = x.pow(3)" if p.mapping.key == "cube" else assign
    body = (
        f"let mut count = 0;\nfor x in {p.v}.iter_mut() {{\n    if {condition} {{\n        {assign};\n        "
        f"count += 1;\n    }}\n}}\ncount"
    )
    return p.draft(
        f"update/{p.predicate.key}/{p.mapping.key}",
        f"pub fn {p.name}({p.v}: &mut [i64]) -> usize",
        f"replaces every value in `{p.v}` that is {p.word} by the value {mapped(p.mapping)}, in place, and returns "
        f"how many it "
        "replaced",
        body,
        p.changed_case("usize", lambda v: (
            len(p.kept(v)), [p.mapping.value(x) if p.predicate.holds(x) else x for x in v])),
    )  # fmt: skip


def _edge(rng: random.Random, p: Parts) -> Draft:
    front, inside = rng.random() < 0.5, rng.random() < 0.5
    count = chain(
        p.v, "iter()", *(() if front else ("rev()",)), f"take_while(|&&x| {p.predicate.rust})", "count()", bound=True
    )
    place = f"&{p.v}[..count]" if front else f"&{p.v}[{p.v}.len() - count..]"
    if not inside:
        place = f"&{p.v}[count..]" if front else f"&{p.v}[..{p.v}.len() - count]"
    side = "beginning" if front else "end"

    def meaning(values: list[int]) -> Value:
        ordered = values if front else values[::-1]
        run = len(list(itertools.takewhile(p.predicate.holds, ordered)))
        part = ordered[:run] if inside else ordered[run:]
        return [*(part if front else part[::-1])]

    purpose = f"returns the longest part at the {side} of `{p.v}` in which every value is {p.word}"
    if not inside:
        purpose = f"returns `{p.v}` without the longest part at its {side} in which every value is {p.word}"
    return p.draft(
        f"edge/{p.predicate.key}/{side}/{'inside' if inside else 'rest'}",
        f"pub fn {p.name}({p.v}: &[i64]) -> &[i64]",
        f"{purpose}, as a slice of it (which may be empty)",
        f"let count = {count};\n{place}",
        p.sliced_case("&[i64]", meaning),
    )


def _split(rng: random.Random, p: Parts) -> Draft:
    after = rng.random() < 0.5
    find = chain(p.v, "iter()", f"position(|&x| {p.predicate.rust})", bound=True)
    index = "index + 1" if after else "index"
    body = f"match {find} {{\n    Some(index) => {p.v}.split_at({index}),\n    None => ({p.v}, &[]),\n}}"

    def meaning(values: list[int]) -> Value:
        index = next((i + after for i, x in enumerate(values) if p.predicate.holds(x)), len(values))
        return ([*values[:index]], [*values[index:]])

    return p.draft(
        f"split/{p.predicate.key}/{'after' if after else 'before'}",
        f"pub fn {p.name}({p.v}: &[i64]) -> (&[i64], &[i64])",
        f"splits `{p.v}` {'behind' if after else 'before'} the first value that is {p.word} and returns both slices; "
        f"without "
        "such a value the first slice is everything and the second is empty",
        body,
        p.sliced_case("(&[i64], &[i64])", meaning),
    )


TALLIES: dict[str, tuple[str, str, str, Callable[[list[int]], Value]]] = {
    "count": ("the number of values with that key", "usize", "*{}.or_insert(0) += 1;", len),
    "sum": ("the sum of the values with that key", "i64", "*{}.or_insert(0) += x;", sum),
    "largest": ("the largest value with that key", "i64", "let top = {}.or_insert(x);\n*top = x.max(*top);", max),
    "first": ("the first value with that key", "i64", "{}.or_insert(x);", lambda v: v[0]),
    "list": ("the vector of the values with that key, in order", "Vec<i64>", "{}.or_default().push(x);", list),
}


def _tally(rng: random.Random, p: Parts) -> Draft:
    tally, filtered = rng.choice(sorted(TALLIES)), rng.random() < 0.5
    phrase, held, line, meaning = TALLIES[tally]
    line = line.format(f"out.entry({p.mapping.rust})")
    if filtered:
        line = f"if {p.predicate.rust} {{\n{indent(line, '    ')}\n}}"
    loop = f"for &x in {p.v} {{\n{indent(line, '    ')}\n}}"
    kind = f": BTreeMap<i64, {held}>" if tally == "list" else ""

    def grouped(v: list[int]) -> Value:
        groups: dict[int, list[int]] = {}
        for x in p.kept(v) if filtered else v:
            groups.setdefault(p.mapping.value(x), []).append(x)
        return {key: meaning(group) for key, group in groups.items()}

    which = f"of the {p.predicate.of('values')} in `{p.v}`" if filtered else f"of the values in `{p.v}`"
    draft = p.draft(
        f"tally/{p.predicate.key if filtered else 'all'}/{p.mapping.key}/{tally}",
        f"pub fn {p.name}({p.v}: &[i64]) -> BTreeMap<i64, {held}>",
        f"returns a `std::collections::BTreeMap` {which}: the key of a value is the value {mapped(p.mapping)}, and a "
        f"key stands "
        f"for {phrase}",
        f"let mut out{kind} = BTreeMap::new();\n{loop}\nout",
        p.sliced_case(f"std::collections::BTreeMap<i64, {held}>", grouped),
    )
    return replace(draft, code="use std::collections::BTreeMap;\n\n" + draft.code)


def _replace(rng: random.Random, p: Parts) -> Draft:
    which = rng.choice(("first", "last", "largest", "smallest"))
    find = {
        "first": f"find(|x| {_through_reference(p.predicate, '**x')})",
        "last": f"rfind(|x| {_through_reference(p.predicate, '**x')})",
        "largest": "max()",
        "smallest": "min()",
    }[which]
    by = rng.random() < 0.5
    new = "new" if by else p.mapping.rust.replace("x", "*x").replace("*x.abs()", "x.abs()")
    body = chain(p.v, "iter_mut()", find, f"map(|x| std::mem::replace(x, {new}))")
    signature = f"pub fn {p.name}({p.v}: &mut [i64]{', new: i64' if by else ''}) -> Option<i64>"
    chosen = f"{which} value" if which in ("largest", "smallest") else f"{which} value that is {p.word}"
    tie = {"largest": " (of equals the last)", "smallest": " (of equals the first)"}.get(which, "")

    def index_of(v: list[int]) -> int | None:
        hits = [i for i, x in enumerate(v) if which in ("largest", "smallest") or p.predicate.holds(x)]
        if which == "largest":
            hits.sort(key=lambda i: (v[i], i), reverse=True)
        elif which == "smallest":
            hits.sort(key=lambda i: (v[i], i))
        return (hits[-1] if which == "last" else hits[0]) if hits else None

    def draw_case(r: random.Random) -> ValueCase:
        values, fresh = [x for x in draw_integers(r) if isinstance(x, int)], r.randint(-9, 9)
        index, after = index_of(values), list(values)
        if index is not None:
            after[index] = fresh if by else p.mapping.value(values[index])
        old = None if index is None else Some(values[index])
        call = f"{p.name}(&mut v{f', {fresh}' if by else ''})"
        return case(f"{{ let mut v: Vec<i64> = {vector(list(values))}; let old = {call}; (old, v) }}",
                    "(Option<i64>, Vec<i64>)", (old, list(after)))  # fmt: skip

    key = which if which in ("largest", "smallest") else f"{which}-{p.predicate.key}"
    return p.draft(
        f"replace/{key}/{'new' if by else p.mapping.key}", signature,
        f"replaces the {chosen}{tie} in `{p.v}` by {'`new`' if by else 'itself ' + mapped(p.mapping)} and returns the "
        f"old value; "
        "without such a value it changes nothing and returns None",
        body, draw_case,
    )  # fmt: skip


def _through_reference(predicate: Predicate, x: str) -> str:
    """Return the condition, written for a reference."""
    if predicate.key == "between":
        return predicate.rust.replace("&x", x.removeprefix("*") if x == "*x" else "*x")
    return predicate.rust.replace("x", x)


def _transfer(rng: random.Random, p: Parts) -> Draft:
    reverse, all_matching = rng.random() < 0.5, rng.random() < 0.4
    names = rng.choice((("from", "to"), ("source", "target"), ("left", "right")))
    source, target = names
    turn = ".rev()" if reverse else ""
    count = chain(source, "iter()", "rev()", f"take_while(|&&x| {p.predicate.rust})", "count()", bound=True)
    body = (
        f"let count = {count};\nlet start = {source}.len() - count;\n"
        f"{target}.extend({source}.drain(start..){turn});\ncount"
    )
    order = "the last one first" if reverse else "in their order"
    purpose = (
        f"moves the longest part at the end of `{source}` in which every value is {p.word} to the end of "
        f"`{target}`, {order},"
    )
    if all_matching:
        turn = ".into_iter().rev()" if reverse else ""
        body = (
            _partitioned(source, "moved", p.predicate)
            + f"let count = moved.len();\n{target}.extend(moved{turn});\ncount"
        )
        purpose = f"moves all values of `{source}` that are {p.word} to the end of `{target}`, {order},"

    def draw_case(r: random.Random) -> ValueCase:
        a, b = ([x for x in draw_integers(r, longest=5) if isinstance(x, int)] for _ in range(2))
        run = p.kept(a) if all_matching else list(itertools.takewhile(p.predicate.holds, a[::-1]))[::-1]
        left = [x for x in a if not p.predicate.holds(x)] if all_matching else a[: len(a) - len(run)]
        moved = run[::-1] if reverse else run
        call = (
            f"{{ let mut a: Vec<i64> = {vector(list(a))}; let mut b: Vec<i64> = {vector(list(b))}; "
            f"let n = {p.name}(&mut a, &mut b); (n, a, b) }}"
        )
        return case(call, "(usize, Vec<i64>, Vec<i64>)", (len(run), list(left), [*b, *moved]))

    return p.draft(
        f"transfer/{p.predicate.key}/{'matching' if all_matching else 'end'}/{'reversed' if reverse else 'ordered'}",
        f"pub fn {p.name}({source}: &mut Vec<i64>, {target}: &mut Vec<i64>) -> usize",
        f"{purpose} and returns how many it moved",
        body, draw_case,
    )  # fmt: skip


MEASURES: dict[str, tuple[str, str, Callable[[str], int]]] = {
    "length": ("longer one", "{}.len()", len),
    "digits": ("one with more ASCII digits", "{}.bytes().filter(u8::is_ascii_digit).count()",
    lambda s: sum(c.isdigit() for c in s)),
    "words": ("one with more words (separated by white space)", "{}.split_whitespace().count()",
    lambda s: len(s.split())),
    "uppercase": ("one with more ASCII uppercase letters", "{}.bytes().filter(u8::is_ascii_uppercase).count()",
                  lambda s: sum(c.isupper() for c in s)),
}  # fmt: skip


def _choose(rng: random.Random, p: Parts) -> Draft:
    measure, tie, trimmed = rng.choice(sorted(MEASURES)), rng.choice(("first", "second")), rng.random() < 0.5
    a, b = rng.choice((("a", "b"), ("first", "second"), ("left", "right")))
    phrase, rust, value = MEASURES[measure]
    before = f"let ({a}, {b}) = ({a}.trim(), {b}.trim());\n" if trimmed else ""
    sides = [rust.format(a), rust.format(b)]
    winner, loser = (a, b) if tie == "first" else (b, a)
    sides = sides if tie == "first" else sides[::-1]
    condition = f"{sides[0]} >= {sides[1]}"
    if len(condition) > 60:
        before += f"let count = |text: &str| {rust.format('text')};\n"
        condition = f"count({winner}) >= count({loser})"
    body = f"{before}if {condition} {{\n    {winner}\n}} else {{\n    {loser}\n}}"

    def draw_case(r: random.Random) -> ValueCase:
        texts = ["".join(r.choice("abcAB12 ") for _ in range(r.randint(0, 6))) for _ in range(2)]
        call = f"{p.name}({debug_text(texts[0])}, {debug_text(texts[1])})"
        first_text, second_text = (text.strip() for text in texts) if trimmed else texts
        first = value(first_text) >= value(second_text) if tie == "first" else value(first_text) > value(second_text)
        return case(call, "&str", first_text if first else second_text)

    return p.draft(
        f"choose/{measure}/{tie}/{'trimmed' if trimmed else 'whole'}",
        f"pub fn {p.name}<'a>({a}: &'a str, {b}: &'a str) -> &'a str",
        f"{'trims white space from both texts and returns' if trimmed else 'returns'} the {phrase} of the two, "
        f"`{winner}` when "
        "they are equal in that",
        body, draw_case,
    )  # fmt: skip


def _cursor(rng: random.Random, p: Parts) -> Draft:
    mark, separator = rng.choice((("comma", ","), ("semicolon", ";"), ("bar", "|"), ("slash", "/"), ("colon", ":")))
    trimmed = rng.random() < 0.5
    rest = rng.choice(("rest", "input", "cursor"))
    trim = ".trim()" if trimmed else ""
    body = (
        f"if {rest}.is_empty() {{\n    return None;\n}}\n"
        f"let (field, after) = {rest}.split_once('{separator}').unwrap_or(({rest}, \"\"));\n"
        f"*{rest} = after;\nSome(field{trim})"
    )
    calls = rng.randint(1, 3)

    def draw_case(r: random.Random) -> ValueCase:
        text = "".join(r.choice(f"ab1  {separator}{separator}") for _ in range(r.randint(0, 7)))
        left, fields = text, list[Value]()
        for _ in range(calls):
            field, _, after = left.partition(separator)
            fields.append(Some(field.strip() if trimmed else field) if left else None)
            left = after
        listed = ", ".join([f"{p.name}(&mut rest)"] * calls)
        call = (
            f"{{ let mut rest: &str = {debug_text(text)}; let fields: Vec<Option<&str>> = vec![{listed}]; (fields, "
            f"rest) }}"
        )
        return case(call, "(Vec<Option<&str>>, &str)", (fields, left))

    return p.draft(
        f"cursor/{'trimmed' if trimmed else 'whole'}/{mark}",
        f"pub fn {p.name}<'a>({rest}: &mut &'a str) -> Option<&'a str>",
        f"takes the next field from `{rest}`: it returns the text before the first '{separator}'"
        f"{', without white space around it,' if trimmed else ''} and moves `{rest}` behind that '{separator}'; where "
        f"there is "
        f"no '{separator}' the field is everything that is left and `{rest}` becomes empty; an empty `{rest}` gives "
        f"None",
        body, draw_case,
    )  # fmt: skip


KINDS = (_extract, _update, _edge, _split, _tally, _replace, _transfer, _choose, _cursor)


def draw_borrows(rng: random.Random) -> Draft:
    """Draw a function that borrows what it changes or returns."""
    parts = Parts(rng.choice(FUNCTION_NAMES), rng.choice(SLICE_NAMES), draw_condition(rng), draw_mapping(rng))
    return rng.choice(KINDS)(rng, parts)
