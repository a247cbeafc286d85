"""Rows that the data benchmark prepares: source files and conversations, composed from the built-in Rust tasks.

A file has one to eight documented or bare functions, and some have tests, notes of unfinished work, debugging, unsafe
code or a path that filters leave out. Equal numbers give equal rows. Not covered: anything that people wrote.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from burnish.data.rust_tasks.build import draw_drafts
from burnish.data.rust_tasks.draft import Draft
from burnish.data.rust_tasks.wording import documented, instruction
from burnish.records import Example, Message

_FOLDERS = ("src", "src/parse", "crates/core/src", "src/bin", "tests", "examples", "benches", "vendor/other/src")
_SHARES = (40, 20, 20, 10, 4, 3, 2, 1)
_EXTRAS = (
    ("// TODO: handle overflow\n", 0.05),
    ("#[allow(dead_code)]\nconst LIMIT: usize = 64;\n", 0.06),
    ('pub fn shown(value: i64) -> i64 {\n    println!("{value} of {}", "a // string");\n    value\n}\n', 0.3),
    ("pub fn first(bytes: &[u8]) -> u8 {\n    unsafe { *bytes.get_unchecked(0) }\n}\n", 0.04),
    (
        "#[derive(Debug, Clone, PartialEq)]\npub struct Pair<'a> {\n    pub name: &'a str,\n    pub value: u32,\n}\n",
        0.2,
    ),
    ("use std::collections::HashMap;\nuse std::fmt;\n", 0.4),
    (
        "impl fmt::Display for Pair<'_> {\n    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {\n"
        '        write!(f, "{}: {}", self.name, self.value)\n    }\n}\n',
        0.1,
    ),
    ("pub fn read(text: &str) -> Result<u32, std::num::ParseIntError> {\n    text.trim().parse()\n}\n", 0.1),
    ("// The values are allowed to be unsafe to read here; see the unsafe section.\n", 0.04),
)
"""With the shares of files that have them, as in TheAlgorithms/Rust and rust-by-example."""
_TESTS = "#[cfg(test)]\nmod tests {{\n    use super::*;\n\n    #[test]\n    fn works() {{\n{}    }}\n}}\n"


@dataclass(frozen=True)
class SourceRow:
    """A file as a data set has it."""

    content: str
    path: str


def draw_sources(count: int, seed: int = 0) -> Iterator[SourceRow]:
    """So many files, one after the other."""
    rng = random.Random(f"{seed}/sources")
    drafts = draw_drafts(rng, held_out=False)
    for number in range(count):
        drawn = [next(drafts) for _ in range(rng.randint(1, 8))]
        pieces = [_function(draft, rng) for draft in drawn] + [
            extra for extra, share in _EXTRAS if rng.random() < share
        ]
        rng.shuffle(pieces)
        if rng.random() < 0.4:
            pieces.append(_TESTS.format("".join(_assertion(draft, rng) for draft in drawn for _ in range(3))))
        folder = rng.choices(_FOLDERS, _SHARES)[0]
        yield SourceRow("\n".join(pieces), f"repository/{folder}/file_{number}.rs")


def draw_variations(count: int, seed: int = 0) -> Iterator[SourceRow]:
    """So many small files of which no two are near-duplicates: a function, and one of calls drawn for each file."""
    rng = random.Random(f"{seed}/variations")
    pool = [row.content for row in draw_sources(200, seed)]
    for number in range(count):
        calls = "".join(f"    module_{rng.randrange(5000)}::call_{rng.randrange(5000)}();\n" for _ in range(20))
        yield SourceRow(f"{pool[number % 200][:200]}\n/// Calls.\npub fn calls() {{\n{calls}}}\n", f"src/{number}.rs")


def draw_conversations(count: int, seed: int = 0) -> Iterator[Example]:
    """So many instructions with their answers."""
    rng = random.Random(f"{seed}/conversations")
    drafts = draw_drafts(rng, held_out=False)
    for number in range(count):
        draft = next(drafts)
        turns = (
            Message(role="user", content=instruction(draft, rng)),
            Message(role="assistant", content=f"```rust\n{draft.code}```"),
        )
        yield Example(id=f"generated:{number}", messages=turns)


def _function(draft: Draft, rng: random.Random) -> str:
    return documented(draft, rng) if rng.random() < 0.7 else draft.code


def _assertion(draft: Draft, rng: random.Random) -> str:
    case = draft.draw_case(rng)
    return f'        assert_eq!(format!("{{:?}}", {case.call}), {case.expected!r});\n'.replace("'", '"')
