"""A held-out task is found in whatever disguise of names and literals; what merely resembles it is not."""

from __future__ import annotations

import pytest

from burnish.data.overlap.contamination import LEAST_RUNS, Contamination
from burnish.data.tasks.task_sets import read_any_tasks
from burnish.records import Example, Message, RustTests, Task, ValueCase, ValueTests
from burnish.records.files import read_rows
from burnish.syntax.source import apply_edits, parse, text_of, walk
from tests.conftest import SHARED

REFERENCE = """
use std::collections::HashMap;

/// Words that occur at least twice, sorted.
pub fn repeated_words(text: &str) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word.to_lowercase()).or_insert(0) += 1;
    }
    let mut words: Vec<String> = counts.into_iter().filter(|(_, n)| *n >= 2).map(|(w, _)| w).collect();
    words.sort();
    words
}
"""
DISGUISED = """
use std::collections::{BTreeSet, HashMap};

// Mine.
pub fn again(line: &str) -> Vec<String> {
    let mut table: HashMap<String, usize> = HashMap::new();
    for item in line.split_whitespace() {
        *table.entry(item.to_lowercase()).or_insert(10) += 12;
    }
    let mut found: Vec<String> = table.into_iter().filter(|(_, k)| *k >= 22).map(|(s, _)| s).collect();
    found.sort();
    found
}
"""
UNRELATED = """
use std::collections::HashMap;

/// The price of everything in a basket; unknown goods are free.
pub fn total(prices: &HashMap<String, u64>, basket: &[String]) -> u64 {
    let mut sum = 0;
    for good in basket {
        if let Some(price) = prices.get(good) {
            sum += price;
        }
    }
    sum
}
"""
OTHERS = "\n".join(
    f"pub fn other_{i}(a: &[i{w}]) -> i{w} {{ a.iter().sum() }}" for i in range(20) for w in (16, 32, 64)
)
PROMPT = (
    "Write a function `repeated_words` that returns every word that occurs at least twice in a text, in lower case and "
    "in alphabetical order, where words are separated by white space."
)
TESTS = RustTests(
    source="""
#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn works() {
        assert_eq!(repeated_words("the cat the dog"), vec!["the"]);
        assert_eq!(repeated_words("One two ONE Two three"), vec!["one", "two"]);
        assert_eq!(repeated_words(""), Vec::<String>::new());
    }
}
"""
)
TASK = Task(
    id="words/1", family="words", prompt=(Message(role="user", content=PROMPT),), tests=TESTS, reference=REFERENCE
)
TASKS = Contamination({"held-out": [TASK]})


def document(text: str) -> Example:
    return Example(id="row", text=text)


def conversation(user: str, assistant: str) -> Example:
    turns = (Message(role="user", content=user), Message(role="assistant", content=assistant))
    return Example(id="row", messages=turns)


@pytest.mark.parametrize(
    "example",
    [
        document(DISGUISED),
        document(OTHERS + DISGUISED + OTHERS),
        conversation("Help me with text.", f"Like this:\n```rust\n{DISGUISED}```\nDone."),
        conversation("Help me with text.", DISGUISED),
        conversation(f"Explain this:\n```rust\n{DISGUISED}```", "It counts."),
    ],
    ids=["alone", "in a long file", "fenced answer", "bare answer", "in a question"],
)
def test_a_solution_with_other_names_and_literals_is_found(example: Example) -> None:
    found = TASKS.find(example)
    assert found is not None
    assert (found.task, found.part) == ("held-out:words/1", "reference")
    assert found.share == 1
    assert str(found) == "100% of the reference of held-out:words/1"


@pytest.mark.parametrize(
    "example",
    [document(UNRELATED), conversation("Write a function that adds prices.", UNRELATED), document(OTHERS),
     document("Words that occur twice in a text are sorted in alphabetical order."), document("")],
    ids=["same imports", "same imports, answer", "many functions", "prose", "empty"],
)  # fmt: skip
def test_an_unrelated_program_is_not_reported(example: Example) -> None:
    assert TASKS.find(example) is None


def test_a_part_of_a_solution_counts_by_its_share() -> None:
    half = DISGUISED.split("    let mut found", maxsplit=1)[0] + "    todo!()\n}\n"
    found = Contamination({"a": [TASK]}, share=0.3).find(document(half))
    assert found is not None
    assert 0.3 <= found.share < 0.7
    assert Contamination({"a": [TASK]}, share=0.7).find(document(half)) is None


def test_tests_are_found_by_their_values() -> None:
    copied = TESTS.source.replace("repeated_words", "f").replace("works", "g")
    other = copied.replace('"the', '"a').replace("One two ONE Two", "x y z").replace('"one", "two"', '"q", "r"')
    found = TASKS.find(document(copied))
    assert found is not None
    assert found.part == "tests"
    assert TASKS.find(document(other)) is None


def test_value_tests_are_found_by_their_values() -> None:
    cases = tuple(ValueCase(call=f"f(&[{i}, {i * 7}], {i + 3})", type="i32", expected=str(i * 31)) for i in range(9))
    tasks = Contamination({"a": [Task(id="1", family="f", prompt=(), tests=ValueTests(cases=cases))]})
    lines = "\n".join(f"    assert_eq!(sum(&[{i}, {i * 7}], {i + 3}), {i * 31});" for i in range(9))
    found = tasks.find(document(f"#[test]\nfn check() {{\n{lines}\n}}\n"))
    assert found is not None
    assert found.part == "tests"
    for digit, another in ("78", "35", "16"):
        lines = lines.replace(digit, another)
    assert tasks.find(document(f"#[test]\nfn check() {{\n{lines}\n}}\n")) is None


def test_an_equal_prompt_is_found_however_it_is_written() -> None:
    written = PROMPT.upper().replace(" ", "\n ").replace(".", " !").replace("`", "*")
    found = TASKS.find(conversation(written, "No."))
    assert found is not None
    assert (found.part, found.share) == ("prompt", 1)
    short = Task(id="s", family="s", prompt=(Message(role="user", content="Add two numbers."),))
    tasks = Contamination({"b": [short]})
    assert tasks.find(conversation("add two numbers", "No.")) is not None
    assert tasks.find(conversation("Add three numbers.", "No.")) is None
    assert tasks.find(conversation("No.", "Add two numbers.")) is None


def test_most_of_a_prompt_is_found_in_a_comment_too() -> None:
    start = PROMPT[: len(PROMPT) * 3 // 4]
    found = TASKS.find(document("".join(f"/// {line}\n" for line in start.split(", ")) + "fn f() {}"))
    assert found is not None
    assert found.part == "prompt"


def test_tasks_too_short_to_search_for_are_named() -> None:
    tiny = Task(
        id="t", family="t", prompt=(Message(role="user", content="Add."),), reference="fn f(a: i32) -> i32 { a + a }"
    )
    tasks = Contamination({"set": [tiny]})
    assert tasks.not_judged == ["set:t prompt", "set:t reference"]
    assert LEAST_RUNS > 3
    assert tasks.find(document("fn g(b: i32) -> i32 { b + b }")) is None


def test_without_tasks_nothing_is_found() -> None:
    assert Contamination({}).find(document(REFERENCE)) is None


PUBLIC = SHARED / "data" / "humanevalpack_rust" / "problems.jsonl"
CORPUS = SHARED / "data" / "rust_corpus" / "sources.jsonl"


@pytest.mark.skipif(not PUBLIC.is_file(), reason="no ../shared/data/humanevalpack_rust")
def test_every_reference_of_a_public_set_is_found_by_itself() -> None:
    tasks = read_any_tasks(PUBLIC)
    judged = Contamination({"humaneval": tasks})
    short = {line.rsplit(" ", 1)[0] for line in judged.not_judged if line.endswith("reference")}
    assert len(short) <= 1
    for task in tasks:
        found = judged.find(document(task.reference or ""))
        assert (found is not None and found.share == 1) or f"humaneval:{task.id}" in short


def disguised(source: str) -> str:
    """The source with another name for every parameter, variable and function, and other whole numbers."""
    nodes = list(walk(parse(source)))
    names = {
        text_of(node)
        for node in nodes
        if node.type == "identifier"
        and node.parent is not None
        and (node.parent.type in ("parameter", "let_declaration", "function_item") or "pattern" in node.parent.type)
        and text_of(node).islower()
    }
    edits = [
        (node.start_byte, node.end_byte, f"renamed_{text_of(node)}")
        for node in nodes
        if node.type == "identifier"
        and text_of(node) in names
        and node.parent is not None
        and "scoped" not in node.parent.type
    ]
    edits += [(node.start_byte, node.end_byte, "77") for node in nodes if node.type == "integer_literal"]
    return apply_edits(source, edits)


@pytest.mark.skipif(not PUBLIC.is_file(), reason="no ../shared/data/humanevalpack_rust")
def test_every_disguised_reference_of_a_public_set_is_found() -> None:
    tasks = read_any_tasks(PUBLIC)
    judged = Contamination({"humaneval": tasks})
    missed = {}
    for task in tasks:
        copy = disguised(task.reference or "")
        assert copy != task.reference
        found = judged.find(document(copy))
        if found is None or found.task != f"humaneval:{task.id}":
            missed[task.id] = str(found)
    assert set(missed) <= {line.removeprefix("humaneval:").removesuffix(" reference") for line in judged.not_judged}


@pytest.mark.skipif(not (PUBLIC.is_file() and CORPUS.is_file()), reason="no ../shared/data/rust_corpus")
def test_no_source_of_public_libraries_is_taken_for_a_task() -> None:
    judged = Contamination({"humaneval": read_any_tasks(PUBLIC)})
    rows = list(read_rows(CORPUS))
    found = {row["id"]: str(one) for row in rows if (one := judged.find(document(row["text"]))) is not None}
    assert len(rows) == 593
    assert found == {}
