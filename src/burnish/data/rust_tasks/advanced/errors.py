"""Compose error handling with ``?`` and an own error type: what is read x what is refused x what the error carries."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from burnish.data.rust_tasks.advanced.pieces import (
    Ending,
    case,
    chain,
    draw_condition,
    mapped,
    maybe_mapping,
    read_integer,
)
from burnish.data.rust_tasks.draft import FUNCTION_NAMES, TEXT_NAMES, Draft, Head, function, function_draft
from burnish.data.rust_tasks.parts import Mapping, Predicate
from burnish.data.rust_tasks.values import Err, Ok, Value, Variant

ERROR_NAMES = ("InputError", "ReadError", "EntryError", "FieldError", "NumberError")
BAD_NAMES, REFUSED_NAMES, MISSING_NAMES = ("NotANumber", "BadNumber", "Invalid"), ("Refused", "OutOfRange",
"Rejected"), (
    "Missing", "Empty", "NotThere")  # fmt: skip
SEPARATORS = (",", ";", "|", "/", ":")
READERS = ("read_one", "parse_one", "read_entry", "parse_entry")


class _Fault(Exception):
    """An error in Python, with its variant."""

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant.name)
        self.variant = variant


@dataclass(frozen=True)
class Fault:
    """The error type of a task: names of its variants, and whether they carry what is wrong."""

    name: str
    bad: str
    refused: str
    missing: str
    carries: bool
    refuses: Predicate
    converts: bool
    """Whether a ``ParseIntError`` is converted by ``From``."""

    def declaration(self) -> str:
        """Return the Rust source of the enum and its conversion."""
        bad = f"{self.bad}(String)" if self.carries and not self.converts else self.bad
        refused = f"{self.refused}(i64)" if self.carries else self.refused
        enum = (
            f"#[derive(Debug, PartialEq)]\npub enum {self.name} {{\n    {self.missing},\n    {bad},\n    "
            f"{refused},\n}}\n\n"
        )
        if not self.converts:
            return enum
        body = f"    fn from(_: ParseIntError) -> Self {{\n        Self::{self.bad}\n    }}\n"
        return f"use std::num::ParseIntError;\n\n{enum}impl From<ParseIntError> for {self.name} {{\n{body}}}\n\n"

    def described(self) -> str:
        """Return the sentence about it in the instruction."""
        bad = f"`{self.bad}(String)` with the trimmed text" if self.carries and not self.converts else f"`{self.bad}`"
        refused = f"`{self.refused}(i64)` with the number" if self.carries else f"`{self.refused}`"
        text = f"`{self.name}` is a public enum that derives Debug and PartialEq with the variants `{self.missing}`, "
        text += f"{bad} and {refused}"
        return text + (
            f", and implements `From<std::num::ParseIntError>`, which gives `{self.bad}`" if self.converts else ""
        )

    def reader(self, name: str) -> str:
        """Return the Rust source of a private function that reads one number."""
        read = "text.trim().parse()?" if self.converts else self._mapped_read()
        carried = "(x)" if self.carries else ""
        refusal = f"return Err({self.name}::{self.refused}{carried});"
        body = f"let x: i64 = {read};\nif {self.refuses.rust} {{\n    {refusal}\n}}\nOk(x)"
        if not self.converts and self.carries:
            body = "let text = text.trim();\n" + body
        return function(f"fn {name}(text: &str) -> Result<i64, {self.name}>", body) + "\n"

    def _mapped_read(self) -> str:
        calls = ["trim()", "parse()", f"map_err(|_| {self.name}::{self.bad})?"]
        if self.carries:
            calls = ["parse()", f"map_err(|_| {self.name}::{self.bad}(text.to_string()))?"]
        return chain("text", *calls, bound=True)

    def read(self, text: str) -> int:
        """Read one number, as the Rust function does; raise _Fault."""
        x = read_integer(text.strip())
        if x is None:
            raise _Fault(Variant(self.bad, (text.strip(),) if self.carries and not self.converts else ()))
        if self.refuses.holds(x):
            raise _Fault(Variant(self.refused, (x,) if self.carries else ()))
        return x


@dataclass(frozen=True)
class Names:
    """Parts that every shape has."""

    error: Fault
    mapping: Mapping | None
    text: str
    reader: str

    @property
    def missing(self) -> str:
        """Return the path of the variant for a text without a number."""
        return f"{self.error.name}::{self.error.missing}"

    @property
    def then(self) -> str:
        """Return the words about the mapping, empty without one."""
        return f", {mapped(self.mapping)}" if self.mapping else ""

    def finish(self, x: int) -> int:
        """Apply the mapping, if any."""
        return self.mapping.value(x) if self.mapping else x

    def result(self, rust: str) -> str:
        """Return the last lines of a body."""
        return f"let x = {rust};\nOk({self.mapping.rust})" if self.mapping else f"Ok({rust})"

    def require(self, text: str) -> None:
        """Raise _Fault if the text is blank."""
        if not text.strip():
            raise _Fault(Variant(self.error.missing))

    def blank(self) -> str:
        """Return the Rust lines that refuse a blank text."""
        return f"if {self.text}.trim().is_empty() {{\n    return Err({self.missing});\n}}\n"


def _single(rng: random.Random, names: Names) -> Ending:  # noqa: ARG001 - as all shapes
    def value(text: str) -> Value:
        names.require(text)
        return names.finish(names.error.read(text))

    phrase = f"reads a number from `{names.text}` and returns it{names.then}; a blank text is `{names.error.missing}`"
    read = f"{names.reader}({names.text})"
    # Clippy refuses `Ok(read(text)?)`.
    body = names.blank() + (names.result(read + "?") if names.mapping else read)
    return Ending("single", phrase, body, "i64", value)


OPERATORS: dict[str, tuple[str, str, Callable[[int, int], int]]] = {
    "sum": ("the sum of both", "left + right", lambda a, b: a + b),
    "difference": ("the left minus the right", "left - right", lambda a, b: a - b),
    "product": ("the product of both", "left * right", lambda a, b: a * b),
    "larger": ("the larger of both", "left.max(right)", max),
}


def _pair(rng: random.Random, names: Names) -> Ending:
    separator, operator = rng.choice(SEPARATORS), rng.choice(sorted(OPERATORS))
    phrase, rust, compute = OPERATORS[operator]

    def value(text: str) -> Value:
        left, mark, right = text.partition(separator)
        if not mark:
            raise _Fault(Variant(names.error.missing))
        return names.finish(compute(names.error.read(left), names.error.read(right)))

    split = chain(names.text, f"split_once('{separator}')", f"ok_or({names.missing})?", bound=True)
    body = f"let (left, right) = {split};\nlet (left, right) = ({names.reader}(left)?, {names.reader}(right)?);\n"
    return Ending(
        f"pair-{operator}",
        f"reads two numbers, left and right of the first '{separator}' in `{names.text}`, and returns "
        f"{phrase}{names.then}; a "
        f"text without '{separator}' is `{names.error.missing}`; of two faults the left one counts",
        body + names.result(rust), "i64", value,
    )  # fmt: skip


def _several(rng: random.Random, names: Names) -> Ending:
    separator, ending = rng.choice(SEPARATORS), rng.choice(("sum", "largest", "list"))
    start, update, phrase = {
        "sum": ("0", f"out += {names.reader}(part)?;", "their sum"),
        "largest": ("i64::MIN", f"out = out.max({names.reader}(part)?);", "the largest"),
        "list": ("Vec::new()", f"out.push({names.reader}(part)?);", "all of them in order"),
    }[ending]
    then = names.then
    if ending == "list" and names.mapping:
        update, then = f"let x = {names.reader}(part)?;\n    out.push({names.mapping.rust});", ", each" + then[1:]

    def value(text: str) -> Value:
        names.require(text)
        numbers = [names.error.read(part) for part in text.split(separator)]
        if ending == "list":
            return [names.finish(x) for x in numbers]
        return names.finish(sum(numbers) if ending == "sum" else max(numbers))

    loop = f"let mut out = {start};\nfor part in {names.text}.split('{separator}') {{\n    {update}\n}}\n"
    return Ending(
        f"several-{ending}",
        f"reads the numbers in `{names.text}`, separated by '{separator}', and returns {phrase}{then}; a blank text is "
        f"`{names.error.missing}`; of several faults the first from the left counts",
        names.blank() + loop + ("Ok(out)" if ending == "list" else names.result("out")),
        "Vec<i64>" if ending == "list" else "i64", value,
    )  # fmt: skip


def draw_errors(rng: random.Random) -> Draft:
    """Draw a function that reads one, two or several numbers from a text; each fault has its own variant."""
    error = Fault(
        rng.choice(ERROR_NAMES), rng.choice(BAD_NAMES), rng.choice(REFUSED_NAMES), rng.choice(MISSING_NAMES),
        carries=rng.random() < 0.5, refuses=draw_condition(rng), converts=rng.random() < 0.4,
    )  # fmt: skip
    names = Names(error, maybe_mapping(rng, 0.5), rng.choice(TEXT_NAMES), rng.choice(READERS))
    shape = rng.choice((_single, _pair, _several))(rng, names)
    returns = f"Result<{shape.returns}, {error.name}>"

    def oracle(text: str) -> Value:
        try:
            return Ok(shape.value(text))
        except _Fault as fault:
            return Err(fault.variant)

    draft = function_draft(
        combination="/".join((
            "errors", shape.key, error.refuses.key, names.mapping.key if names.mapping else "same",
            "carries" if error.carries else "plain", "from" if error.converts else "map-err",
        )),
        level=3,
        head=Head(rng.choice(FUNCTION_NAMES), ((names.text, "&str"),), returns),
        purpose=f"{shape.phrase}; white space around a number is ignored; what is not an i64 is `{error.bad}`, and a "
        f"number "
        f"that is {error.refuses.predicate} is `{error.refused}`; {error.described()}",
        body=shape.rust,
        draw=lambda r: (_draw_input(r, shape.phrase),),
        oracle=oracle,
        before=error.declaration() + error.reader(names.reader),
    )  # fmt: skip
    if not error.converts:
        return draft
    value = Variant(error.bad)
    source = '{}::from("{}".parse::<i64>().unwrap_err())'
    return replace(draft, helper_case=lambda r: case(source.format(error.name, r.choice("xyz")), error.name, value))


def _draw_input(rng: random.Random, phrase: str) -> str:
    """Draw numbers with the separator that the phrase quotes, sometimes with a fault."""
    parts = [str(rng.randint(-12, 15)) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.25:
        parts[rng.randrange(len(parts))] = rng.choice(("x", "1.5", "", "4a", "- 3", "+7"))
    parts = [rng.choice(("{}", "{}", " {}", "{} ")).format(part) for part in parts]
    if "'" not in phrase:
        return rng.choice((*parts, "", " "))
    if "first '" in phrase and rng.random() < 0.8:
        parts = [*parts, "3"][:2]
    return "" if rng.random() < 0.05 else phrase.split("'")[1].join(parts)
