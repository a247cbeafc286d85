"""Every look at an answer takes time by its length alone: eight times the text, at most some eight times the CPU.

Counted is CPU time of this process, each against the same look at an eighth of the same text, so neither a slow machine
nor a busy one decides. A look that grows with the square takes 64 times as long.
"""

from __future__ import annotations

import functools
import gc
import time
from collections.abc import Callable

import pytest

from burnish.score.answer_text import notation, numbers, visible
from burnish.score.answer_text.extraction import extract_label, extract_number, extract_text
from burnish.score.answer_text.letters import extract_choice
from burnish.score.answer_text.visible import readable
from burnish.score.metrics import squad
from burnish.score.rewards import evidence
from burnish.syntax import crates, normalise, source, survey
from burnish.syntax.main_function import has_main
from burnish.verify.compiler import compile as compiler
from burnish.verify.compiler import compiler_view, diagnostics
from burnish.verify.grader.one_crate import answer_with_tests
from burnish.verify.grader.own_meaning import false_type, hidden_traits, unnamed_import
from burnish.verify.grader.own_process import beyond_safe_rust, equals_foreign_values
from burnish.verify.grader.visibility import make_public
from burnish.verify.judge import bounds, shared_crate_rule
from burnish.verify.metrics import measure
from burnish.verify.prepared import sandbox as prepared
from burnish.verify.reading import extract

MOST = bounds.MOST_ANSWER_BYTES
LEAST_S = 0.01
"""Below it, time is that of the clock and of the first call."""
GROWTH = 28

LOOKS: dict[str, Callable[[str], object]] = {
    "items": lambda text: [source.is_program(source.parse(text)), has_main(text)],
    "openers": lambda text: source.looks_like_code(source.parse(text)),
    "identifiers": source.identifiers,
    "crates": lambda text: crates.named_crates(text, {"serde"}),
    "tokens": normalise.normalised_tokens,
    "survey": lambda text: survey.index_tree(source.parse(text)),
    "joining": lambda text: shared_crate_rule._is_plain(source.parse(text)),
    "visibility": make_public,
    "beyond safe Rust": beyond_safe_rust,
    "equality": equals_foreign_values,
    "one crate": answer_with_tests,
    "words": lambda text: [
        pattern.search(text)
        for pattern in (
            compiler._OWN_LEVELS, compiler._NAMES_FILES, compiler_view._TOOL, shared_crate_rule._ALONE, evidence._CALLED
        )
    ],
    "linter": lambda text: [compiler_view.as_compiled(text), compiler_view.may_deceive(f"$ clippy{text}")],
    "rendered": diagnostics._canonical,
    "bounds": lambda text: [bounds.is_too_long(text), bounds._FENCED.match(f"```rust\n{text}\n```\n")],
    "boxes": lambda text: [visible.visible_text(text), visible.boxes(text), visible.without_boxes(text)],
    "hidden traits": lambda text: [hidden_traits(text, text), hidden_traits(text, "", text)],
    "false type": lambda text: [false_type(text, text), false_type(text, "", text)],
    "unnamed import": unnamed_import,
    "reaches": lambda text: prepared._REACHES_OUT.search(text.encode()),
}  # fmt: skip
TEXTS = (
    "(", "{", "\n", "#[", "fn f(){", "use a::{", "a::", "m!(", "for i in 0..1 {a[i];", "clippy ", "\\boxed{", "<think>",
    "<answer>", "\n= note: `-W ", '"', ",-", "&>", "=>/**", "#!", '->r#"', "'",
)  # fmt: skip

CHOICES = {"A": "red", "B": "blue sky", "C": "12"}
PROMPT = "/// Adds.\nfn add(a: i64, b: i64) -> i64 {\n"
SHOWN = "Given\n```rust\nuse std::fmt::Write;\nfn a() { b() }\nfn b() {}\n```\n"
USES = "fn f(a: A0) -> u8 { a0() }\n"
READERS: dict[str, Callable[[str], object]] = {
    "extract": lambda text: extract(text, None, None),
    "extract with a prompt": lambda text: extract(text, PROMPT, "add"),
    "extract of a fence": lambda text: extract(f"```rust\n{text}\n```\n", PROMPT, "add"),
    "extract with shown code": lambda text: [extract(text, prompt_text=SHOWN), extract(USES, prompt_text=text)],
    "label": lambda text: extract_label(text, ["positive", "negative"]),
    "number": lambda text: extract_number(text, words=True),
    "text": extract_text,
    "choice": lambda text: extract_choice(text, CHOICES),
    "same": lambda text: notation.same_text("1/2", readable(text)[0]),
    "only": lambda text: [numbers.only_number(readable(text)[0]), numbers.last_number(readable(text)[0])],
    "span": lambda text: squad.best_scores(["a b"], text),
    "metrics": measure,
}
WORDS = (
    "{", " ", "\n", "\t", "\r\n", "*", "**", "_ ", "`", "```", "```rust\n", "####", "$", "-", "'", '"', "1,", "1 ",
    "^1", "answer is ", "answer: ", "the answer is A. ", "(A) ", "A) red ", "A: red\n", "A\n", "A or ", "option A ",
    "correct ", "or ", "\\text{", "\\frac{", "\\[", "one hundred ", "</think>", "[/INST]", "<|a|>", "~~~\n",
    "> ", "- ", ",-",
)  # fmt: skip

ITEMS = 2048
MADE: dict[str, Callable[[int], str]] = {
    "chain of types": lambda i: f"struct A{i} {{ x: A{i + 1} }}\n",
    "chain backwards": lambda i: f"fn a{max(0, i - 1)}_() {{ a{i}_() }}\nfn a{i}() {{ a{i + 1}() }}\n",
    "impls of one type": lambda i: f"struct A{i}; impl A0 {{ fn m{i}(&self) -> A{i} {{ A{i} }} }}\n",
    "traits": lambda i: f"trait T{i} {{ fn m{i}(&self); }}\nimpl T{i} for A0 {{ fn m{i}(&self) {{}} }}\n",
    "traits of foreign types": lambda i: f"trait T{i} {{ fn len(); }} impl T{i} for Vec<u8> {{ fn len() {{}} }}\n",
    "operators": lambda i: f"struct A{i}; impl PartialEq<u8> for A{i} {{ fn eq(&self, _: &u8) -> bool {{ true }} }}\n",
    "imports": lambda i: f"use m{i}::{{A{i}, T{i} as _}};\nfn a{i}() -> A{i} {{ a{i + 1}() }}\n",
    "modules": lambda i: f"mod m{i} {{ pub trait T{i} {{}} }}\nuse m{i}::T{i};\nfn a{i}() {{ a{i + 1}() }}\n",
    "enums": lambda i: f"enum E{i} {{ A{i}(A{i + 1}) }}\ntype A{i} = E{i};\n",
    "macros": lambda i: f"macro_rules! a{i} {{ () => {{ a{i + 1}!() }} }}\n",
    "versions of one function": lambda i: f"fn a0() -> u8 {{ {i} }}\n",
}  # fmt: skip
"""Items that name each other."""
OF_ITEMS: dict[str, Callable[[str], object]] = {
    "extract with shown code": lambda text: extract(USES, prompt_text=f"Given\n```rust\n{text}\n```\n"),
    "extract of it": lambda text: extract(text, prompt_text=SHOWN),
    **{name: LOOKS[name] for name in ("one crate", "hidden traits", "false type", "unnamed import", "equality")},
}


def cpu_s(look: Callable[[str], object], text: str) -> float:
    gc.disable()  # a collection walks all that other tests have left in this process
    try:
        before = time.process_time()
        look(text)
        return max(LEAST_S, time.process_time() - before)
    finally:
        gc.enable()


def grows_faster(look: Callable[[str], object], short: str, long: str) -> bool:
    """Whether the long text takes too long three times in a row, each time as a text that no cache holds."""
    return all(cpu_s(look, short + " " * i) * GROWTH < cpu_s(look, long + " " * i) for i in range(3))


@pytest.mark.parametrize("text", TEXTS, ids=repr)
def test_time_grows_with_the_length_alone(text: str) -> None:
    long, short = (text * (size // len(text)) for size in (MOST, MOST // 8))
    assert not [name for name, look in LOOKS.items() if grows_faster(look, short, long)]


@pytest.mark.parametrize("text", WORDS, ids=repr)
def test_an_answer_in_text_is_read_in_time_by_its_length_alone(text: str) -> None:
    long, short = (text * (size // len(text)) for size in (MOST // 32, MOST // 256))
    assert not [name for name, look in READERS.items() if grows_faster(look, short, long)]


@pytest.mark.parametrize("items", MADE.values(), ids=MADE)
def test_time_grows_with_the_number_of_items_alone(items: Callable[[int], str]) -> None:
    short, long = ("".join(map(items, range(count))) for count in (ITEMS // 8, ITEMS))
    assert not [name for name, look in OF_ITEMS.items() if grows_faster(look, short, long)]


def test_a_look_by_the_square_is_seen_behind_a_cache() -> None:
    @functools.cache
    def square(text: str) -> None:
        for place in range(0, len(text), 8):
            text[place:].count("x")

    text = "(" * MOST
    assert grows_faster(square, text[: MOST // 8], text)
