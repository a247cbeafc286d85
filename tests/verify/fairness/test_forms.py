"""One answer in many forms gets one verdict, and a program that passes alone passes with any harmless decoration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, product

import pytest

from burnish.config.verify import VerifyConfig
from burnish.records import Completion, ProgramRun, ProgramTests, RustTests, Task, Tests, ValueCase, ValueTests
from burnish.verify import Verifier

HELPER = "use std::collections::HashSet;\n\nfn distinct(text: &str) -> HashSet<char> {\n    text.chars().collect()\n}\n"
RIGHT = "/// Counts letters.\npub fn count(text: &str) -> usize {\n    distinct(text).len()\n}\n"
WRONG = RIGHT.replace("len()", "len() + 1")
DRAFT = "pub fn count(text: &str) -> usize {\n    text.len(\n}\n"
VALUES = ValueTests(cases=(ValueCase(call='count("aab")', type="usize", expected="2"),))

WRAPPED: dict[str, Callable[[str, str], str]] = {
    "bare": lambda helper, code: f"{helper}\n{code}",
    "backticks": lambda helper, code: f"```rust\n{helper}\n{code}```\n",
    "path": lambda helper, code: f"```rust:src/lib.rs\n{helper}\n{code}```\n",
    "tildes": lambda helper, code: f"~~~~\n{helper}\n{code}~~~~\n",
    "list": lambda helper, code: "1. The code:\n\n   ```rs\n" + _indented(f"{helper}\n{code}") + "   ```\n",
    "pieces": lambda helper, code: f"```rust\n{helper}```\n\nThen:\n\n```rust\n{code}```\n",
    "pieces turned": lambda helper, code: f"```rust\n{code}```\n\nwhich uses\n\n```rust\n{helper}```\n",
    "open": lambda helper, code: f"```rust\n{helper}\n{code}",
}
AROUND: dict[str, Callable[[str], str]] = {
    "nothing": lambda text: text,
    "words": lambda text: f"Here it is; it counts each letter once.\n\n{text}\nThat is all.\n",
    "output": lambda text: f"{text}\nIt prints:\n\n```\n2\n```\n",
    "draft": lambda text: (
        f"First try:\n\n```rust\npub fn count(text: &str) -> usize {{ text.len( }}\n```\n\nFixed:\n\n{text}"
    ),
}
SPOKEN: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "thinking": lambda text: f"<think>\n```rust\npub fn count(_: &str) -> usize {{ 0 }}\n```\n</think>\n\n{text}",
    "thinking opened by the prompt": lambda text: f"It says `count`.\n[/THINK]{text}<|im_end|>",
    "chat tokens": lambda text: f"<|im_start|>assistant\n{text}<|im_end|>\n<|im_start|>user\nThanks.",
    "answer": lambda text: f"<answer>\n{text}\n</answer></s>",
}


def _indented(code: str) -> str:
    return "".join(f"   {line}\n" if line else "\n" for line in code.splitlines())


def forms(code: str) -> dict[str, str]:
    """The answer ``code`` in every form."""
    found = {}
    for (wrap, wrapped), (around, words), (spoken, said) in product(WRAPPED.items(), AROUND.items(), SPOKEN.items()):
        if wrap == "open" and around != "nothing":  # what is behind an open fence is code
            continue
        if wrap == "bare" and around == "draft":  # bare code beside a fence is an example
            continue
        found[f"{wrap}, {around}, {spoken}"] = said(words(wrapped(HELPER, code)))
    return found


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig()) as one:
        yield one


@pytest.mark.parametrize(("code", "status"), [(RIGHT, "pass"), (WRONG, "fail")])
@pytest.mark.parametrize("entry_point", [None, "count"])
def test_one_answer_in_any_form_has_one_verdict(
    verifier: Verifier, code: str, status: str, entry_point: str | None
) -> None:
    task = Task(id="count", family="count", prompt=(), entry_point=entry_point, tests=VALUES)
    texts = forms(code)
    assert len(texts) >= 40
    verdicts = verifier.verify([(task, Completion(task_id=task.id, text=text)) for text in texts.values()])
    found = {name: v.status for name, v in zip(texts, verdicts, strict=True) if v.status != status}
    assert found == {}


MAIN = '\nfn main() {\n    println!("{}", count("aab"));\n}\n'
DECORATIONS: dict[str, Callable[[str], str]] = {
    "comments": lambda code: f"// {{ not \"code\n/* nor /* this */ */\n{code}\n// end",
    "attributes": lambda code: f"#![allow(dead_code)]\n#![deny(unsafe_code)]\n{code}",
    "own tests": lambda code: f"{code}\n#[cfg(test)]\nmod tests {{ use super::*; #[test] fn t() {{}} }}\n",
    "unused imports": lambda code: f"use std::fmt::{{self, Write as _}};\nuse std::rc::Rc;\n{code}",
    "helpers": lambda code: f"{code}\nstruct Unused;\nimpl Unused {{ fn get(&self) -> u8 {{ 1 }} }}\n",
    "modules": lambda code: f"{code}\npub mod extra {{ //! More.\n    pub fn count() -> u8 {{ 1 }}\n}}\n",
}  # fmt: skip
TESTS: list[Tests] = [
    VALUES,
    RustTests(source='#[test]\nfn t() { assert_eq!(count("aab"), 2); }\n'),
    ProgramTests(runs=(ProgramRun(expected_stdout="2"),)),
]


@pytest.mark.parametrize("tests", TESTS, ids=lambda tests: tests.kind)
def test_harmless_decoration_changes_no_verdict(verifier: Verifier, tests: Tests) -> None:
    plain = f"{HELPER}\n{RIGHT}" + (
        '\nfn main() {\n    println!("{}", count("aab"));\n}\n' if tests.kind == "program" else ""
    )
    task = Task(id="count", family="count", prompt=(), entry_point="count", tests=tests)
    programs: dict[str, str] = {}
    for number in range(len(DECORATIONS) + 1):
        for names in combinations(DECORATIONS, number):
            code = plain
            for name in names:
                if name != "attributes":
                    code = DECORATIONS[name](code)
            programs[", ".join(names)] = DECORATIONS["attributes"](code) if "attributes" in names else code
    pairs = [(task, Completion(task_id=task.id, text=f"`````rust\n{code}\n`````")) for code in programs.values()]
    verdicts = verifier.verify(pairs)
    found = {name: v.detail or v.reason for name, v in zip(programs, verdicts, strict=True) if v.status != "pass"}
    assert found == {}
