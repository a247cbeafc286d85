from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.config.data.chat import ChatConfig
from burnish.data.encode.chat import IGNORED, encode_example, encode_examples, render_prompt, template_digest
from burnish.data.encode.masking import mask_conversation, plain_turns
from burnish.errors import DataError
from burnish.model.chat_template import render
from burnish.model.source import load_tokenizer
from burnish.records import Example, Message, Role
from tests.tiny_models import Family, make_tiny_model

CODE = "pub fn solve(v: &[i64]) -> i64 {\n    v.iter().sum()\n}"

QWEN3_HISTORY = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.role == 'assistant' and loop.last %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
    "{{- message.content + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""Like Qwen3's: the last answer gets an empty block of thought, earlier ones do not."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], Path]:
    root = tmp_path_factory.mktemp("models")
    families: tuple[Family, ...] = ("llama", "qwen3", "gemma")
    return {
        (family, template): make_tiny_model(root / f"{family}{template}", family, template)
        for family in families
        for template in (True, False)
    }


def conversation(*turns: str, system: str | None = None) -> Example:
    """User and assistant in turn."""
    roles: tuple[Role, ...] = ("user", "assistant")
    messages = [Message(role=roles[index % 2], content=text) for index, text in enumerate(turns)]
    if system is not None:
        messages.insert(0, Message(role="system", content=system))
    return Example(id="row", messages=tuple(messages))


def trained_text(example: Example, tokenizer: Any) -> str:
    encoded = encode_example(example, tokenizer)
    assert len(encoded.labels) == len(encoded.input_ids)
    assert all(label in (IGNORED, token) for label, token in zip(encoded.labels, encoded.input_ids, strict=True))
    return str(tokenizer.decode([label for label in encoded.labels if label != IGNORED]))


@pytest.mark.parametrize(
    ("family", "template", "closing"),
    [
        ("llama", True, "<|im_end|>"),
        ("llama", False, "<|endoftext|>"),
        ("qwen3", True, "<|im_end|>"),
        ("qwen3", False, "<|im_end|>"),
        ("gemma", True, "<end_of_turn>"),
        ("gemma", False, "<eos>"),
    ],
)
def test_the_answers_and_their_end_are_trained_and_nothing_else(
    folders: dict[tuple[str, bool], Path], family: str, template: bool, closing: str
) -> None:
    tokenizer: Any = load_tokenizer(folders[family, template])
    assert trained_text(conversation("Sum them.", CODE), tokenizer) == CODE + closing
    assert trained_text(conversation("One?", "1", "Two?", "2 and 2"), tokenizer) == f"1{closing}2 and 2{closing}"


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma"])
@pytest.mark.parametrize("template", [True, False])
def test_prompt_tokens_are_those_of_generation(
    folders: dict[tuple[str, bool], Path], family: str, template: bool
) -> None:
    tokenizer: Any = load_tokenizer(folders[family, template])
    example = conversation("Sum them.", CODE)
    encoded = encode_example(example, tokenizer)
    prompt = tokenizer(render_prompt(example.messages[:1], tokenizer), add_special_tokens=False)["input_ids"]
    assert encoded.input_ids[: len(prompt)] == prompt
    assert encoded.labels[: len(prompt)] == [IGNORED] * len(prompt)
    assert encoded.labels[len(prompt)] != IGNORED


def test_a_system_turn_is_not_trained(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["llama", True])
    assert trained_text(conversation("Hi", "Hello", system="You are kind."), tokenizer) == "Hello<|im_end|>"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), min_size=1, max_size=3))
def test_any_text_is_covered_exactly(folders: dict[tuple[str, bool], Path], answers: list[str]) -> None:
    tokenizer: Any = load_tokenizer(folders["llama", True])
    turns = [turn for answer in answers for turn in ("ask", answer)]
    expected = "".join(answer + "<|im_end|>" for answer in answers)
    assert trained_text(conversation(*turns), tokenizer) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=2, max_size=4))
def test_labels_are_those_of_the_places_of_all_tokens(
    folders: dict[tuple[str, bool], Path], contents: list[str]
) -> None:
    tokenizer = load_tokenizer(folders["llama", True])
    row = conversation(*(content + "x" for content in contents))
    masked = mask_conversation(row.id, plain_turns(row.messages), tokenizer, ChatConfig())
    found = tokenizer(masked.text, add_special_tokens=False, return_offsets_mapping=True)
    expected = [
        token if any(begin <= first < end and last > first for begin, end in masked.trained) else IGNORED
        for token, (first, last) in zip(found["input_ids"], found["offset_mapping"], strict=True)
    ]
    assert encode_example(row, tokenizer).labels == expected


def test_many_rows_are_encoded_as_each_alone(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["gemma", True])
    examples = [conversation("n" * index, f"answer {index}") for index in range(1, 20)]
    assert encode_examples(examples, tokenizer) == [encode_example(example, tokenizer) for example in examples]
    assert encode_examples([], tokenizer) == []


def test_the_weight_of_a_row_is_kept(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["llama", True])
    assert encode_example(conversation("a", "b").model_copy(update={"weight": 0.25}), tokenizer).weight == 0.25


def test_earlier_answers_are_trained_as_the_template_renders_them(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["qwen3", True])
    tokenizer.chat_template = QWEN3_HISTORY
    expected = "1<|im_end|><think>\n\n</think>\n\n2<|im_end|>"
    assert trained_text(conversation("One?", "1", "Two?", "2"), tokenizer) == expected


def test_a_generation_prompt_that_answers_do_not_begin_with_is_refused(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["qwen3", True])
    tokenizer.chat_template = tokenizer.chat_template.replace("assistant\\n' }}", "assistant\\n<think>\\n' }}")
    with pytest.raises(DataError, match=r"row row: the chat template writes .*<think>.* before an answer"):
        encode_example(conversation("One?", "1"), tokenizer)


def test_roles_that_a_template_refuses_are_named(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["llama", True])
    tokenizer.chat_template = "{{ raise_exception('no system here') }}"
    with pytest.raises(DataError, match="roles system, user: no system here"):
        render_prompt(conversation("a", system="s").messages, tokenizer)


def test_a_conversation_that_begins_with_an_answer_is_refused(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer = load_tokenizer(folders["llama", True])
    turns = (Message(role="assistant", content="Hello."), Message(role="user", content="Hi."))
    with pytest.raises(DataError, match=r"row r7: its first turn is an answer, 'Hello\.'.* wrong order") as caught:
        encode_example(Example(id="r7", messages=turns), tokenizer)
    assert "system turns first" in caught.value.way_out


def test_the_digest_follows_template_and_special_tokens(folders: dict[tuple[str, bool], Path]) -> None:
    digests = {template_digest(load_tokenizer(folder)) for folder in folders.values()}
    assert len(digests) == len(folders)
    tokenizer: Any = load_tokenizer(folders["llama", True])
    before = template_digest(tokenizer)
    assert before == template_digest(load_tokenizer(folders["llama", True]))
    tokenizer.chat_template += " "
    assert template_digest(tokenizer) != before


CLOSED = ["chatml", "gemma-it", "granite-3.0-instruct", "llama-3-instruct", "mistral-instruct", "openchat-3.5", "phi-3"]
CLOSED += ["phi-3-small", "qwen2.5-instruct", "vicuna", "zephyr", "llama-2-chat", "alpaca", "saiga"]


@pytest.mark.parametrize("name", CLOSED)
def test_templates_of_real_families_mask_answers_alone(
    folders: dict[tuple[str, bool], Path], shared: Path, name: str
) -> None:
    """Every published template that closes its answers: they are trained whole, and the prompts are not."""
    source = shared / "data" / "chat_templates" / "chat_templates" / f"{name}.jinja"
    tokenizer: Any = load_tokenizer(folders["gemma", True])
    tokenizer.chat_template = source.read_text().replace("    ", "").replace("\n", "")
    text = trained_text(conversation("One?", "first answer", "Two?", "second\n  answer"), tokenizer)
    assert text.count("first answer") == 1
    assert text.count("second\n  answer") == 1
    assert "One?" not in text
    assert "Two?" not in text


@pytest.mark.parametrize("name", ["falcon-instruct", "solar-instruct"])
def test_templates_that_close_no_answer_are_refused(
    folders: dict[tuple[str, bool], Path], shared: Path, name: str
) -> None:
    source = shared / "data" / "chat_templates" / "chat_templates" / f"{name}.jinja"
    tokenizer: Any = load_tokenizer(folders["gemma", True])
    tokenizer.chat_template = source.read_text().replace("    ", "").replace("\n", "")
    with pytest.raises(DataError, match="writes no end of turn after an answer"):
        encode_example(conversation("One?", "1", "Two?", "2"), tokenizer)


def test_a_system_turn_and_questions_can_be_trained_too(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["llama", True])
    example = conversation("system", "assistant", "end", "x", system="user")
    for roles, expected in (
        (("user", "assistant"), "system<|im_end|>assistant<|im_end|>end<|im_end|>x<|im_end|>"),
        (("system",), "user<|im_end|>"),
    ):
        row = encode_example(example, tokenizer, ChatConfig(train_roles=roles))
        assert tokenizer.decode([label for label in row.labels if label != IGNORED]) == expected
        assert row.answers == (2 if "assistant" in roles else 0)


def test_a_template_that_changes_a_trained_question_is_refused(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["llama", True])
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "message['role'] +", "message['role'] + message['content'][:2] +"
    )
    with pytest.raises(DataError, match="does not write turn 0 of the role 'user' unchanged"):
        encode_example(conversation("ask", "ANSWER"), tokenizer, ChatConfig(train_roles=("user",)))


THOUGHT = "<think>\nTwo and two.\n</think>\n\n4"

QWEN3_THINKING = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.role == 'assistant' and '</think>' in message.content and not loop.last %}"
    "{{- message.content.split('</think>')[-1].lstrip() }}{%- else %}{{- message.content }}{%- endif %}"
    "{{- '<|im_end|>\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
"""Like Qwen3's: the thinking of earlier answers is left out."""


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [("keep", THOUGHT + "<|im_end|>"), ("strip", "4<|im_end|>"), ("untrained", "4<|im_end|>")],
)
def test_thinking_is_trained_taken_out_or_left_untrained(
    folders: dict[tuple[str, bool], Path], thinking: Any, expected: str
) -> None:
    tokenizer: Any = load_tokenizer(folders["qwen3", True])
    row = encode_example(conversation("2+2?", THOUGHT), tokenizer, ChatConfig(thinking=thinking))
    assert tokenizer.decode([label for label in row.labels if label != IGNORED]) == expected
    assert ("Two and two." in tokenizer.decode(row.input_ids)) == (thinking != "strip")


def test_thinking_that_the_template_drops_is_not_trained_silently(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["qwen3", True])
    tokenizer.chat_template = QWEN3_THINKING
    example = conversation("2+2?", THOUGHT, "3+3?", THOUGHT.replace("4", "6"))
    with pytest.raises(DataError, match="leaves out the thinking of an answer, '<think>"):
        encode_example(example, tokenizer)
    row = encode_example(example, tokenizer, ChatConfig(thinking="untrained"))
    assert tokenizer.decode([label for label in row.labels if label != IGNORED]) == "4<|im_end|>6<|im_end|>"
    assert tokenizer.decode(row.input_ids).count("Two and two.") == 1
    stripped = encode_example(example, tokenizer, ChatConfig(thinking="strip"))
    assert tokenizer.decode([label for label in stripped.labels if label != IGNORED]) == "4<|im_end|>6<|im_end|>"


def test_a_thinking_block_opened_by_the_generation_prompt_is_handled(folders: dict[tuple[str, bool], Path]) -> None:
    tokenizer: Any = load_tokenizer(folders["qwen3", True])
    tokenizer.chat_template = QWEN3_THINKING.replace("assistant\n' }}", "assistant\n<think>\n' }}")
    example = conversation("2+2?", THOUGHT)
    for thinking, expected in (("keep", THOUGHT.removeprefix("<think>\n")), ("untrained", "4")):
        row = encode_example(example, tokenizer, ChatConfig(thinking=thinking))
        assert tokenizer.decode([label for label in row.labels if label != IGNORED]) == expected + "<|im_end|>"


@pytest.mark.parametrize("content", [4.0, 7, True, None])
def test_content_that_is_not_text_is_refused(folders: dict[tuple[str, bool], Path], content: Any) -> None:
    tokenizer: Any = load_tokenizer(folders["llama", True])
    with pytest.raises(DataError, match=r"turn 1 of the role 'assistant' has the content .*, which is not text"):
        render(
            [{"role": "user", "content": "a"}, {"role": "assistant", "content": content}],
            tokenizer,
            generation_prompt=False,
        )
