"""Truncation keeps answers whole while anything else is left."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.config.data.chat import ChatConfig
from burnish.data.encode.chat import IGNORED, EncodedExample, encode_example, encode_examples
from burnish.model.source import load_tokenizer
from burnish.records import Example, Message, Role
from tests.tiny_models import make_tiny_model

WORDS = " ".join(f"w{number}" for number in range(40))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_tokenizer(make_tiny_model(tmp_path_factory.mktemp("llama")))


def conversation(*turns: str, system: str = "") -> Example:
    roles: tuple[Role, ...] = ("user", "assistant")
    messages = [Message(role=roles[index % 2], content=text) for index, text in enumerate(turns)]
    first = [Message(role="system", content=system)] if system else []
    return Example(id="row", messages=(*first, *messages))


def cut(example: Example, tokenizer: Any, side: Any, max_length: int) -> EncodedExample:
    (row,) = encode_examples([example], tokenizer, ChatConfig(truncate=side), max_length)
    return row


def trained(row: EncodedExample, tokenizer: Any) -> str:
    return str(tokenizer.decode([label for label in row.labels if label != IGNORED]))


@pytest.mark.parametrize(
    ("side", "stays", "goes"),
    [("left", ("w39",), ("w0 ",)), ("right", ("w0 ",), ("w39",)), ("middle", ("w0 ", "w39"), ("w20",))],
)
def test_the_question_is_cut_and_nothing_else(
    tokenizer: Any, side: str, stays: tuple[str, ...], goes: tuple[str, ...]
) -> None:
    example = conversation(WORDS, "the answer", system="Be kind.")
    whole = encode_example(example, tokenizer)
    row = cut(example, tokenizer, side, 80)
    text = tokenizer.decode(row.input_ids)
    assert len(row.input_ids) == 80
    assert row.cut_tokens == len(whole.input_ids) - 80
    assert not row.cut_answer
    assert all(word in text for word in stays)
    assert not any(word in text for word in goes)
    assert text.startswith("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n")
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\nthe answer<|im_end|>\n")
    assert trained(row, tokenizer) == "the answer<|im_end|>"


def test_whole_exchanges_are_dropped_before_the_question_is_cut(tokenizer: Any) -> None:
    example = conversation("first", "one", "second", "two", "third", "three", system="Be kind.")
    whole = len(encode_example(example, tokenizer).input_ids)
    row = cut(example, tokenizer, "left", whole - 1)
    text = tokenizer.decode(row.input_ids)
    assert "first" not in text
    assert "second" in text
    assert text.startswith("<|im_start|>system\nBe kind.")
    assert trained(row, tokenizer) == "two<|im_end|>three<|im_end|>"
    assert row.answers == 2
    assert row.cut_tokens == whole - len(row.input_ids)


def test_turns_after_the_last_trained_one_are_cut_first(tokenizer: Any) -> None:
    example = conversation("ask", "answer", WORDS)
    row = cut(example, tokenizer, "left", 60)
    assert tokenizer.decode(row.input_ids).endswith("<|im_start|>assistant\nanswer<|im_end|>\n")
    assert trained(row, tokenizer) == "answer<|im_end|>"


def test_an_answer_is_cut_last_and_marked(tokenizer: Any) -> None:
    row = cut(conversation("ask", WORDS), tokenizer, "middle", 40)
    text = trained(row, tokenizer)
    assert len(row.input_ids) == 40
    assert row.cut_answer
    assert WORDS.startswith(text.strip())
    assert "<|im_end|>" not in text


def test_a_row_that_fits_is_not_cut(tokenizer: Any) -> None:
    example = conversation("ask", "answer")
    whole = encode_example(example, tokenizer)
    assert cut(example, tokenizer, "left", len(whole.input_ids)) == whole
    assert cut(example, tokenizer, "refuse", 16) == whole


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=60),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["left", "right", "middle"]),
    st.integers(30, 120),
)
def test_no_row_is_too_long_and_no_answer_is_cut_that_need_not_be(
    tokenizer: Any, texts: list[str], side: str, max_length: int
) -> None:
    turns = [turn for text in texts for turn in (text, f"answer to {len(text)}")]
    row = cut(conversation(*turns), tokenizer, side, max_length)
    assert len(row.input_ids) <= max_length
    assert not row.cut_answer  # the last answer with its frame has fewer than 30 tokens
    assert trained(row, tokenizer).endswith(f"{turns[-1]}<|im_end|>")
    whole = encode_example(conversation(*turns), tokenizer)
    assert row.cut_tokens == len(whole.input_ids) - len(row.input_ids)
