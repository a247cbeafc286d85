from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.data.encode.chat import encode_example, render_prompt
from burnish.errors import DataError
from burnish.model.chat_template import (
    check_turns_written,
    document_ends,
    render,
    template_digest,
    unmarked_answer,
)
from burnish.model.source import load_tokenizer
from burnish.records import Example, Message
from tests.tiny_models import make_tiny_model


@pytest.fixture
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_tokenizer(make_tiny_model(tmp_path_factory.mktemp("llama")))


def test_rendering_equals_all_published_cases(tokenizer: Any, shared: Path) -> None:
    """Cases without a generation prompt leave it undefined, as the renderer that published them did."""
    cases = [json.loads(line) for line in (shared / "data/chat_templates/hf_jinja_cases.jsonl").open()]
    wrong = []
    for case in cases:
        variables = dict(case["data"])
        messages = variables.pop("messages")
        prompt = variables.pop("add_generation_prompt", None)
        tokenizer.chat_template = case["chat_template"]
        if render(messages, tokenizer, generation_prompt=prompt, **variables) != case["target"]:
            wrong.append(case["id"])
    assert len(cases) == 27
    assert wrong == [case["id"] for case in cases if not case["reproduced_by_jinja2_3_1_6"]]


def test_a_template_that_writes_the_date_writes_the_same_one_every_day(tokenizer: Any) -> None:
    tokenizer.chat_template = "{{ strftime_now('%d %b %Y') }} {{ messages[0].content }}"
    assert render([{"role": "user", "content": "x"}], tokenizer, generation_prompt=False) == "10 Jul 2025 x"


def test_a_missing_generation_prompt_is_detected(tokenizer: Any) -> None:
    assert unmarked_answer(tokenizer) == ""
    before = template_digest(tokenizer)
    tokenizer.chat_template = tokenizer.chat_template[: tokenizer.chat_template.index("{%- if add_generation")]
    assert unmarked_answer(tokenizer) == "<|im_start|>assistant"
    assert template_digest(tokenizer) != before


@pytest.mark.parametrize(("family", "begin", "end"), [("llama", [], 0), ("qwen3", [], 1)])
def test_a_document_ends_in_the_end_of_document_token(tmp_path: Path, family: Any, begin: list[int], end: int) -> None:
    tokenizer: Any = load_tokenizer(make_tiny_model(tmp_path, family))
    assert document_ends(tokenizer) == (begin, end)
    assert tokenizer.decode([end]) == "<|endoftext|>"


def test_a_template_that_leaves_out_a_turn_is_refused_with_the_turn(tokenizer: Any) -> None:
    whole = tokenizer.chat_template
    for roles in (["system", "user"], ["user", "assistant", "user"], ["system", "user", "assistant", "tool"]):
        check_turns_written(roles, tokenizer, generation_prompt=True)
    body = "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    head = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    tokenizer.chat_template = "{% for m in messages %}{% if m['role'] != 'system' %}" + body + head
    check_turns_written(["user", "assistant"], tokenizer, generation_prompt=False)
    with pytest.raises(DataError, match="leaves out turn 0 of the role 'system'"):
        check_turns_written(["system", "user"], tokenizer, generation_prompt=True)
    system = Message(role="system", content="Answer in French.")
    asked, answered = Message(role="user", content="hello"), Message(role="assistant", content="bonjour")
    with pytest.raises(DataError, match="turn 0 of the role 'system'"):
        render_prompt([system, asked], tokenizer)
    with pytest.raises(DataError, match=r"row french: .* turn 0 of the role 'system'") as refused:
        encode_example(Example(id="french", messages=(system, asked, answered)), tokenizer)
    assert "chat_template.jinja" in refused.value.way_out
    # A template that takes the first system turn alone, and one that keeps the last two turns
    tokenizer.chat_template = "{% for m in messages %}{% if m['role'] != 'system' or loop.first %}" + body + head
    check_turns_written(["system", "user"], tokenizer, generation_prompt=True)
    with pytest.raises(DataError, match="turn 1 of the role 'system'"):
        check_turns_written(["system", "system", "user"], tokenizer, generation_prompt=True)
    tokenizer.chat_template = "{% for m in messages[-2:] %}{% if true %}" + body + head
    with pytest.raises(DataError, match="turn 0 of the role 'user'"):
        check_turns_written(["user", "assistant", "user"], tokenizer, generation_prompt=True)
    tokenizer.chat_template = whole
