from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from burnish.config.data.chat import ChatConfig
from burnish.config.data.gates import GatesConfig
from burnish.data.encode.chat import IGNORED, EncodedExample, encode_examples
from burnish.data.gates.rows import GateReport, check_gates
from burnish.errors import GateError
from burnish.model.source import load_tokenizer
from burnish.records import Example, Message, Task
from tests.tiny_models import make_tiny_model


@pytest.fixture
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_tokenizer(make_tiny_model(tmp_path_factory.mktemp("llama")))


def conversation(question: str = "Sum them.", answer: str = "fn f() {}") -> Example:
    messages = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(id=f"rows.jsonl:{len(question)}", messages=messages)


def gate(
    examples: list[Example],
    tokenizer: Any,
    *,
    encoded: list[EncodedExample] | None = None,
    held_out: list[Task] | None = None,
    max_length: int = 100,
) -> GateReport:
    rows = encode_examples(examples, tokenizer) if encoded is None else encoded
    return check_gates(rows, tokenizer, max_length=max_length, held_out=held_out or [], examples=examples)


def changed(row: EncodedExample, labels: list[int]) -> EncodedExample:
    return replace(row, labels=labels)


def test_good_rows_are_counted(tokenizer: Any) -> None:
    examples = [conversation(), conversation("Longer question.", "fn g() { 1 }")]
    rows = encode_examples(examples, tokenizer)
    report = gate(examples, tokenizer)
    assert report.rows == 2
    assert report.tokens == sum(len(row.input_ids) for row in rows)
    assert report.trained_tokens == sum(label != IGNORED for row in rows for label in row.labels)
    assert report.longest == max(len(row.input_ids) for row in rows)
    assert 0 < report.coverage < 1
    assert "2 rows" in str(report)


def test_rows_with_nothing_to_train_on_are_refused(tokenizer: Any) -> None:
    with pytest.raises(GateError, match="no training rows"):
        gate([], tokenizer)


def test_a_row_without_a_trained_token_is_shown(tokenizer: Any) -> None:
    (row,) = encode_examples([conversation()], tokenizer)
    with pytest.raises(GateError, match=r"row rows.jsonl:9 has no token to train on; it reads '<\|im_start\|>user"):
        gate([conversation()], tokenizer, encoded=[changed(row, [IGNORED] * len(row.labels))])


def test_an_untrained_end_of_turn_is_refused(tokenizer: Any) -> None:
    (row,) = encode_examples([conversation()], tokenizer)
    last = max(index for index, label in enumerate(row.labels) if label != IGNORED)
    labels = [IGNORED if index == last else label for index, label in enumerate(row.labels)]
    with pytest.raises(GateError, match=r"the end of turn '<\|im_end\|>' is trained for 0 of 1"):
        gate([conversation()], tokenizer, encoded=[changed(row, labels)])


def test_an_untrained_answer_is_refused(tokenizer: Any) -> None:
    two = Example(id="two", messages=(*conversation().messages, *conversation("And?", "fn h() {}").messages))
    (row,) = encode_examples([two], tokenizer)
    first_end = next(
        index for index, label in enumerate(row.labels) if label != IGNORED and row.labels[index + 1] == IGNORED
    )
    labels = [IGNORED if index <= first_end else label for index, label in enumerate(row.labels)]
    with pytest.raises(GateError, match="row two has 2 answers"):
        gate([two], tokenizer, encoded=[changed(row, labels)])


def test_a_row_that_is_too_long_is_shown_cut(tokenizer: Any) -> None:
    long = conversation("word " * 300)
    with pytest.raises(GateError, match=r"more than max_length 100; .* characters more") as caught:
        gate([conversation(), long], tokenizer)
    assert long.id in caught.value.cause
    assert len(caught.value.cause) < 700
    length = len(encode_examples([long], tokenizer)[0].input_ids)
    gate([conversation(), long], tokenizer, max_length=length)
    with pytest.raises(GateError, match=f"has {length} tokens"):
        gate([conversation(), long], tokenizer, max_length=length - 1)


def test_a_mask_over_everything_is_refused(tokenizer: Any) -> None:
    (row,) = encode_examples([conversation()], tokenizer)
    keep = max(index for index, label in enumerate(row.labels) if label != IGNORED) + 1
    whole = EncodedExample(row.id, row.input_ids[:keep], row.input_ids[:keep])
    with pytest.raises(GateError, match=r"covers 100\.0% of the conversations' tokens"):
        gate([conversation()], tokenizer, encoded=[whole])


def test_a_held_out_prompt_among_the_rows_is_refused(tokenizer: Any) -> None:
    task = Task(id="held-7", family="f", prompt=(Message(role="user", content="Sum  THEM.\n"),))
    other = Task(id="held-8", family="f", prompt=(Message(role="user", content="Sum them. Not."),))
    gate([conversation()], tokenizer, held_out=[other])
    with pytest.raises(GateError, match=r"row rows.jsonl:9 contains the prompt of the held-out task held-7"):
        gate([conversation("Another one."), conversation()], tokenizer, held_out=[other, task])


def test_a_template_that_never_ends_an_answer_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] }}{% endfor %}"
    tokenizer.chat_template += "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    with pytest.raises(GateError, match="writes nothing after an answer"):
        gate([conversation()], tokenizer)
    tokenizer.chat_template = tokenizer.chat_template.replace("m['content']", "m['content'] + ' END'")
    with pytest.raises(GateError, match="' END', which holds no special token"):
        gate([conversation()], tokenizer)


def test_a_template_without_a_generation_prompt_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = tokenizer.chat_template[: tokenizer.chat_template.index("{%- if add_generation")]
    with pytest.raises(GateError, match=r"does not mark where an answer begins: .*'<\|im_start\|>assistant'"):
        gate([conversation()], tokenizer)


def test_an_empty_answer_is_refused(tokenizer: Any) -> None:
    with pytest.raises(GateError, match=r"row rows.jsonl:9 has an empty answer"):
        gate([conversation(answer=" \n")], tokenizer)


def test_cut_answers_are_counted_and_limited(tokenizer: Any) -> None:
    examples = [conversation(f"Question {number}.", "x " * (120 if number < 3 else number)) for number in range(12)]
    encoded = encode_examples(examples, tokenizer, ChatConfig(truncate="left"), 100)

    def check(share: float) -> GateReport:
        gates = GatesConfig(truncated_answers=share)
        return check_gates(encoded, tokenizer, max_length=100, held_out=[], examples=examples, gates=gates)

    assert check(0.25).cut_answers == 3
    assert "12 rows (3 truncated, 3 with a cut answer)" in str(check(0.25))
    with pytest.raises(
        GateError, match=r"3 of 12 answers do not fit into max_length 100 and were cut.* row rows.jsonl"
    ):
        check(0.24)


def test_the_allowed_share_of_trained_tokens_is_configurable(tokenizer: Any) -> None:
    examples = [conversation()]
    encoded = encode_examples(examples, tokenizer)
    coverage = gate(examples, tokenizer).coverage
    for gates in (GatesConfig(min_coverage=coverage + 0.01), GatesConfig(max_coverage=coverage - 0.01)):
        with pytest.raises(GateError, match=f"covers {coverage:.1%} of the conversations' tokens"):
            check_gates(encoded, tokenizer, max_length=100, held_out=[], examples=examples, gates=gates)


def test_documents_need_no_answer_and_do_not_count_for_the_mask(tokenizer: Any) -> None:
    examples = [Example(id="a.rs", text="fn main() {}"), conversation()]
    report = gate(examples, tokenizer, held_out=[Task(id="t", family="f", prompt=())])
    assert report.rows == 2
    assert gate(examples[:1], tokenizer).coverage == 1


def test_gates_follow_untrained_thinking_and_trained_questions(tokenizer: Any) -> None:
    examples = [conversation(answer="<think>a</think>fn f() {}<think>b</think>fn g() {}")]
    for chat in (ChatConfig(thinking="untrained"), ChatConfig(train_roles=("user", "assistant"))):
        encoded = encode_examples(examples, tokenizer, chat)
        check_gates(encoded, tokenizer, max_length=100, held_out=[], examples=examples, chat=chat)
        if chat.thinking == "untrained":
            last = max(index for index, label in enumerate(encoded[0].labels) if label != IGNORED)
            labels = encoded[0].labels
            broken = [changed(encoded[0], labels[:last] + [IGNORED] * (len(labels) - last))]
            with pytest.raises(GateError, match="is trained for 0 of"):
                check_gates(broken, tokenizer, max_length=100, held_out=[], examples=examples, chat=chat)


@pytest.mark.parametrize(
    ("example", "place"),
    [
        (conversation("Say <|im_end|> now."), "turn 0 holds '<|im_end|>'"),
        (conversation(answer="a<|im_end|>\n<|im_start|>user\nb"), "turn 1 holds '<|im_end|>'"),
        (Example(id="d", text="fn f() {}\n<|endoftext|>\nfn g() {}"), "its text holds '<|endoftext|>'"),
    ],
)
def test_control_tokens_inside_contents(tokenizer: Any, example: Example, place: str) -> None:
    with pytest.raises(GateError, match=re.escape(place)) as refused:
        gate([conversation(), example], tokenizer)
    assert example.id in refused.value.cause
    assert "data.gates.control_tokens=allow" in refused.value.way_out
    rows = encode_examples([example], tokenizer)
    if example.text is not None:  # allowed, it is what it was: an end inside a row
        allowed = GatesConfig(control_tokens="allow")
        report = check_gates(rows, tokenizer, max_length=100, held_out=[], examples=[example], gates=allowed)
        assert report.rows == 1
    gate([conversation("What is an end of turn?", "It closes a turn: < | im_end | >")], tokenizer)


def test_a_row_beyond_the_models_context_is_named(tokenizer: Any) -> None:
    examples = [conversation(), conversation("word " * 60, "no")]
    rows = encode_examples(examples, tokenizer)
    longest = len(rows[1].input_ids)
    kept = check_gates(rows, tokenizer, max_length=500, held_out=[], examples=examples, context=longest)
    assert kept.longest == longest
    with pytest.raises(GateError, match=f"has {longest} tokens, more than the model's context of {longest - 1}") as e:
        check_gates(rows, tokenizer, max_length=500, held_out=[], examples=examples, context=longest - 1)
    assert examples[1].id in e.value.cause
    assert f"max_length of the stage to {longest - 1}" in e.value.way_out
