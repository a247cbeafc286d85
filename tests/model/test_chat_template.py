from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.model.base import load_tokenizer
from burnish.model.chat_template import document_ends, render, template_digest, unmarked_answer
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
