"""Compose small formats: the form of an entry x what a broken entry does x the result."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from burnish.data.rust_tasks.advanced.pieces import chain, draw_condition, read_integer
from burnish.data.rust_tasks.draft import FUNCTION_NAMES, TEXT_NAMES, Draft, Head, function, function_draft
from burnish.data.rust_tasks.parts import Predicate
from burnish.data.rust_tasks.values import Err, Ok, Some, Value

SEPARATORS = (",", ";", "|", " ")
READERS = ("parse_entry", "read_entry", "decode", "value_of")


@dataclass(frozen=True)
class Form:
    """Form of one entry, and its value."""

    key: str
    phrase: str
    """Follows "each entry is"."""
    body: str
    """Rust on ``entry: &str``, an ``Option<i64>``."""
    value: Callable[[str], int | None]
    write: Callable[[random.Random], str]


def _pair(entry: str, mark: str) -> tuple[int, int] | None:
    left, separator, right = entry.partition(mark)
    first, second = read_integer(left), read_integer(right)
    return None if not separator or first is None or second is None else (first, second)


def _between(mark: str, combine: Callable[[int, int], int | None]) -> Callable[[str], int | None]:
    def value(entry: str) -> int | None:
        pair = _pair(entry, mark)
        return None if pair is None else combine(*pair)

    return value


def _small(rng: random.Random) -> str:
    return str(rng.randint(-9, 12))


def _count(rng: random.Random) -> str:
    return str(rng.randint(0, 9))


def _split(mark: str, last: str) -> str:
    return (
        f"let (left, right) = entry.split_once('{mark}')?;\nlet left: i64 = left.parse().ok()?;\n"
        f"let right: i64 = right.parse().ok()?;\n{last}"
    )


def _draw_form(rng: random.Random) -> Form:
    key = rng.choice(("a", "x", "id", "n"))
    unit, factor = rng.choice((("h", 60), ("k", 1000), ("d", 24), ("c", 100)))
    times, span, clock = rng.choice("x*@"), rng.choice(("..", "~")), rng.choice(":/")
    span_split = _split("~", "").replace("'~'", '".."' if span == ".." else "'~'")
    in_range = "(left <= right).then(|| right - left + 1)"
    minutes = "(left >= 0 && (0..60).contains(&right)).then_some(left * 60 + right)"
    unit_body = (
        f"match entry.strip_suffix('{unit}') {{\n    Some(number) => Some(number.parse::<i64>().ok()? * {factor}),\n"
        "    None => entry.parse().ok(),\n}"
    )
    keyed = f'entry.strip_prefix("{key}=")?.parse().ok()'
    signed = (
        "let digits = entry.strip_prefix(['+', '-'])?;\nif !digits.bytes().all(|b| b.is_ascii_digit()) {\n    return "
        "None;\n}\n"
        "entry.parse().ok()"
    )

    def with_unit(entry: str) -> int | None:
        number = read_integer(entry.removesuffix(unit))
        return None if number is None else number * factor if entry.endswith(unit) else number

    return rng.choice(
        (
            Form("number", "an i64, which is its value", "entry.parse().ok()", read_integer, _small),
            Form("keyed", f"`{key}=` and an i64, which is its value", keyed,
                 lambda e: read_integer(e.removeprefix(key + "=")) if e.startswith(key + "=") else None,
                 lambda r: r.choice((key, key, key, key + "b")) + "=" + _small(r)),
            Form("times", f"two i64 with '{times}' between them, whose product is its value", _split(times,
                 "Some(left * right)"),
                 _between(times, lambda a, b: a * b), lambda r: _small(r) + times + _count(r)),
            Form("span", f"two i64 with `{span}` between them, first and last integer of a range, whose size is its "
                 f"value (an entry "
                 "whose first is greater than its last is broken)", span_split + in_range,
                 _between(span, lambda a, b: b - a + 1 if a <= b else None),
                 lambda r: _count(r) + span + str(r.randint(3, 15))),
            Form("clock", f"hours and minutes as two i64 with '{clock}' between them, whose minutes in all are its "
                 f"value (negative "
                 "hours and minutes outside 0 to 59 are broken)", _split(clock, minutes),
                 _between(clock, lambda h, m: h * 60 + m if h >= 0 and 0 <= m < 60 else None),
                 lambda r: _count(r) + clock + str(r.randint(0, 66))),
            Form("unit", f"an i64, which is its value, or an i64 and '{unit}', whose value is {factor} times as much",
                 unit_body,
                 with_unit, lambda r: _small(r) + r.choice((unit, ""))),
            Form("hex", "a whole number without sign in hexadecimal digits, which is its value",
                 "if entry.starts_with(['+', '-']) {\n    return None;\n}\ni64::from_str_radix(entry, 16).ok()",
                 lambda e: int(e, 16) if e and all(c in "0123456789abcdefABCDEF" for c in e) else None,
                 lambda r: r.choice((f"{r.randint(0, 255):x}", f"{r.randint(0, 255):X}", "-" + _count(r), "g1"))),
            Form("signed", "a sign, '+' or '-', and behind it digits, which together are its value",
                 signed,
                 lambda e: read_integer(e) if e[:1] in ("+", "-") and e[1:].isdigit() else None,
                 lambda r: r.choice("+-") + _count(r)),
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """Result of the values."""

    key: str
    phrase: str
    calls: tuple[str, ...]
    returns: str
    value: Callable[[list[int]], Value]


def _draw_outcome(rng: random.Random, predicate: Predicate) -> Outcome:
    return rng.choice(
        (
            Outcome("sum", "the sum of the values (0 if there is none)", ("sum()",), "i64", sum),
            Outcome("list", "the values in order", ("collect()",), "Vec<i64>", list),
            Outcome("count", f"how many values are {predicate.predicate}",
                    (f"filter(|&x| {predicate.rust})", "count()"), "usize", lambda v: sum(map(predicate.holds, v))),
            Outcome("largest", "the largest value (0 if there is none)", ("max()", "unwrap_or(0)"), "i64",
                    lambda v: max(v, default=0)),
        )
    )  # fmt: skip


POLICIES = {
    "none": "where an entry is broken, the result is None",
    "error": "where an entry is broken, the result is Err with the first such entry as a String",
    "skip": "broken entries are passed over",
    "stop": "reading ends before the first broken entry",
}


@dataclass(frozen=True)
class Layout:
    """Parts of one task."""

    form: Form
    separator: str
    policy: str
    outcome: Outcome
    kept: Predicate | None

    @property
    def returns(self) -> str:
        """Return the type of the result."""
        plain = self.outcome.returns
        return {"none": f"Option<{plain}>", "error": f"Result<{plain}, String>"}.get(self.policy, plain)

    def body(self, text: str, reader: str) -> str:
        """Return the Rust body that reads ``text`` with the private function ``reader``."""
        entries = [f"split('{self.separator}')", "map(str::trim)", "filter(|e| !e.is_empty())"]
        entries = ["split_whitespace()"] if self.separator == " " else entries
        keep = [f"filter(|&x| {self.kept.rust})"] if self.kept else []
        finish = [*keep, *self.outcome.calls]
        if self.policy in ("skip", "stop"):
            return chain(text, *entries, f"{'map_while' if self.policy == 'stop' else 'filter_map'}({reader})", *finish)
        loop = chain(text, *entries, bound=True)
        head = f"for entry in {loop} {{\n" if "\n" not in loop else f"let entries = {loop};\nfor entry in entries {{\n"
        wrap, fault = ("Some", "?") if self.policy == "none" else ("Ok", ".ok_or_else(|| entry.to_string())?")
        if self.outcome.key == "list":
            last = f"values.retain(|&x| {self.kept.rust});\n{wrap}(values)" if self.kept else f"{wrap}(values)"
        else:
            last = f"let out = {chain('values', 'into_iter()', *finish, bound=True)};\n{wrap}(out)"
        read = f"    let value = {reader}(entry){fault};\n    values.push(value);\n"
        return f"let mut values: Vec<i64> = Vec::new();\n{head}{read}}}\n{last}"

    def value(self, text: str) -> Value:
        """Compute the result in Python."""
        values: list[int] = []
        split = text.split() if self.separator == " " else [e.strip() for e in text.split(self.separator) if e.strip()]
        for entry in split:
            value = self.form.value(entry)
            if value is not None:
                values.append(value)
            elif self.policy == "none":
                return None
            elif self.policy == "error":
                return Err(entry)
            elif self.policy == "stop":
                break
        result = self.outcome.value([x for x in values if self.kept is None or self.kept.holds(x)])
        if self.policy == "none":
            return Some(result)
        return Ok(result) if self.policy == "error" else result

    def purpose(self, text: str) -> str:
        """Return what the function does, in words."""
        between = "white space"
        if self.separator != " ":
            between = f"'{self.separator}'; white space around entries is ignored, and empty entries are left out"
        only = f", of the values that are {self.kept.predicate} only" if self.kept else ""
        return (
            f"reads the entries of `{text}`, separated by {between}; each entry is {self.form.phrase}; "
            f"{POLICIES[self.policy]}; it returns {self.outcome.phrase}{only}"
        )


def draw_formats(rng: random.Random) -> Draft:
    """Draw a function that reads all entries with a private function for one."""
    predicate = draw_condition(rng)
    form, outcome = _draw_form(rng), _draw_outcome(rng, predicate)
    counted = outcome.key == "count"
    kept = predicate if not counted and rng.random() < 0.5 else None
    layout = Layout(form, rng.choice(SEPARATORS), rng.choice(sorted(POLICIES)), outcome, kept)
    text, reader = rng.choice(TEXT_NAMES), rng.choice(READERS)
    condition = predicate.key if kept or counted else "all"
    return function_draft(
        combination="/".join(("unseen-formats", form.key, layout.policy, outcome.key, condition)),
        level=4,
        head=Head(rng.choice(FUNCTION_NAMES), ((text, "&str"),), layout.returns),
        purpose=layout.purpose(text),
        body=layout.body(text, reader),
        draw=lambda r: (_draw_line(r, form, layout.separator),),
        oracle=layout.value,
        before=function(f"fn {reader}(entry: &str) -> Option<i64>", form.body) + "\n",
    )


def _draw_line(rng: random.Random, form: Form, separator: str) -> str:
    entries = [form.write(rng) for _ in range(rng.randint(0, 5))]
    if entries and rng.random() < 0.3:
        entries[rng.randrange(len(entries))] = rng.choice(("?", "7q", "1.5", "x="))
    if separator != " " and rng.random() < 0.3:
        entries = [rng.choice((" {}", "{}", "{} ")).format(entry) for entry in entries] + rng.choice(([], [""]))
    return (rng.choice((" ", "  ")) if separator == " " else separator).join(entries)
