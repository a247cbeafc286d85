"""Rows of judged answers: what they may look like, what of them is trained, and which sets are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.config.data.chat import ChatConfig
from burnish.data.encode.preferences import JudgedRow, encode_preferences, read_preferences
from burnish.data.gates.preferences import check_preferences
from burnish.errors import DataError, GateError
from burnish.model.source import load_tokenizer
from burnish.records import Message
from tests.tiny_models import make_tiny_model

USER = {"role": "user", "content": "Write f."}
GOOD, BAD = {"role": "assistant", "content": "fn f() {}"}, {"role": "assistant", "content": "def f(): pass"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_tokenizer(make_tiny_model(tmp_path_factory.mktemp("base")))


def read(tmp_path: Path, *rows: Any, method: Literal["dpo", "kto"] = "dpo", bad_rows: int = 0) -> list[JudgedRow]:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return read_preferences(file, method, bad_rows, tmp_path / "rejected.jsonl")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Write f.", "chosen": "fn f() {}", "rejected": "def f(): pass"},
        {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": [USER], "chosen": [USER, GOOD], "rejected": [USER, BAD]},
        {"chosen": [USER, GOOD], "rejected": [USER, BAD], "score": 3},
    ],
)
def test_all_forms_of_a_pair_are_equal(tmp_path: Path, row: dict[str, Any]) -> None:
    (found,) = read(tmp_path, row)
    assert found.prompt == (Message(role="user", content="Write f."),)
    assert found.answers == ("fn f() {}", "def f(): pass")
    assert found.id.endswith("rows.jsonl:1")


def test_single_answers_keep_their_label(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "completion": "a", "label": label} for label in (True, False)]
    assert [row.good for row in read(tmp_path, *rows, method="kto")] == [True, False]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "not JSON"),
        ([], "not an object"),
        ({"prompt": "p", "chosen": "a"}, "no 'rejected'; it has 'prompt', 'chosen'"),
        ({"prompt": "p", "chosen": "a", "rejected": 3}, "rejected: must be a text or a list of turns, not int"),
        ({"prompt": "p", "chosen": "a", "rejected": " "}, "rejected is empty"),
        ({"prompt": " ", "chosen": "a", "rejected": "b"}, "prompt is empty"),
        ({"chosen": "a", "rejected": "b"}, "no 'prompt'"),
        ({"prompt": [GOOD], "chosen": "a", "rejected": "b"}, "does not end with the user's turn"),
        ({"prompt": "p", "chosen": [USER], "rejected": "b"}, "does not end with the assistant's turn"),
        ({"chosen": [USER, GOOD], "rejected": [USER, GOOD, USER, BAD]}, "rejected starts with a different prompt"),
        ({"prompt": "p", "chosen": [{"role": "robot", "content": ""}], "rejected": "b"}, "chosen: role: Input"),
    ],
)
def test_rows_that_say_nothing_are_refused_with_their_place(tmp_path: Path, row: Any, message: str) -> None:
    good = {"prompt": "p", "chosen": "a", "rejected": "b"}
    with pytest.raises(DataError, match=f"rows.jsonl:2: .*{message}"):
        read(tmp_path, good, row)
    assert len(read(tmp_path, good, row, bad_rows=1)) == 1
    assert json.loads((tmp_path / "rejected.jsonl").read_text())["line"] == 2


def test_a_label_must_be_true_or_false(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be true or false, not 1"):
        read(tmp_path, {"prompt": "p", "completion": "a", "label": 1}, method="kto")


TEXT = st.text("abc fn{}\n", min_size=1, max_size=12).filter(lambda text: text[0].strip() != "")
"""Not beginning with white space, which may join the prompt's last token and is then not trained."""


@settings(max_examples=40, deadline=None)
@given(earlier=st.lists(st.tuples(TEXT, TEXT), max_size=2), prompt=TEXT, chosen=TEXT, rejected=TEXT)
def test_the_judged_answer_alone_is_trained(
    tokenizer: Any, earlier: list[tuple[str, str]], prompt: str, chosen: str, rejected: str
) -> None:
    turns = [Message(role=role, content=text) for pair in earlier for role, text in
             zip(("user", "assistant"), pair, strict=True)]  # fmt: skip
    row = JudgedRow("r", (*turns, Message(role="user", content=prompt)), (chosen, rejected))
    encoded, (judged,) = encode_preferences([row], tokenizer, ChatConfig())
    assert [answer.input_ids for answer in encoded] == [answer.input_ids for answer in judged.answers]
    for one, text in zip(judged.answers, (chosen, rejected), strict=True):
        trained = [label for label in one.labels if label != -100]
        assert tokenizer.decode(trained) == text + "<|im_end|>"
        assert [token for token, label in zip(one.input_ids, one.labels, strict=True) if label != -100] == trained


def gate(tokenizer: Any, *rows: JudgedRow) -> None:
    check_preferences(rows, encode_preferences(rows, tokenizer, ChatConfig())[1])


def judged(number: int, *answers: str, good: bool = True, prompt: str = "Write f.") -> JudgedRow:
    return JudgedRow(f"r{number}", (Message(role="user", content=prompt),), answers, good)


def test_preference_gates_pass_good_sets(tokenizer: Any) -> None:
    gate(tokenizer, judged(1, "a", "b"), judged(2, "a", "c"), judged(3, "a", "b"))
    gate(tokenizer, judged(1, "a"), judged(2, "b", good=False), judged(3, "b", prompt="Write g."))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([judged(1, "a", "b"), judged(2, "a", "a\n")], "row r2 has the same answer as chosen and as rejected: 'a'"),
        ([judged(1, "a", "b"), judged(2, "b", "a")], "rows r1 and r2 judge the same answers the other way round"),
        ([judged(1, "a"), judged(2, "a", good=False)], "rows r1 and r2 judge the same answers the other way round"),
        ([judged(1, "a"), judged(2, "b")], "all 2 answers are labelled good"),
    ],
)
def test_preference_gates_refuse_sets_without_contrast(tokenizer: Any, rows: list[JudgedRow], message: str) -> None:
    with pytest.raises(GateError, match=message):
        gate(tokenizer, *rows)


def test_an_answer_that_joins_the_prompts_last_token_is_refused(tmp_path: Path) -> None:
    """A template whose generation prompt ends in a letter, and a tokenizer that joins it with the answer's first."""
    folder = make_tiny_model(tmp_path / "base")
    tokenizer = load_tokenizer(folder)
    tokenizer.chat_template = (
        "{%- for m in messages %}{{- 'f' if m['role'] == 'assistant' else '' }}{{- m['content'] }}"
        "{{- '<|im_end|>' }}{%- endfor %}{%- if add_generation_prompt %}{{- 'f' }}{%- endif %}"
    )
    with pytest.raises(GateError, match="row r1 has other tokens before its chosen answer"):
        gate(tokenizer, judged(1, "n main", "x main"))
