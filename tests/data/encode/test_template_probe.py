"""A template is refused early only when it fits no conversation; what cannot be told is left to the gates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.config.data.chat import ChatConfig
from burnish.data.encode.template_probe import check_template
from burnish.errors import ConfigError

TURNS = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
SHORT = ("user", "assistant")


def folder_with(folder: Path, template: object, **settings: object) -> Path:
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template, **settings}))
    return folder


@pytest.mark.parametrize(
    "template",
    [
        TURNS,
        "{% if tools is not none %}{{ tools | tojson }}{% endif %}" + TURNS,
        "{% if documents %}{{ documents[0] }}{% endif %}" + TURNS,
        "{{ 1 // (messages | length - 2) }}" + TURNS,
        "{{ messages[0].content + 1 }}" + TURNS,
        "{{ messages[9].role.upper() }}" + TURNS,
        "{% if %}",
        "{% generation %}" + TURNS,
        None,
        [{"name": "tool_use", "template": "x"}],
    ],
)
def test_a_template_that_works_or_cannot_be_told_passes(tmp_path: Path, template: object) -> None:
    check_template(folder_with(tmp_path, template, bos_token={"content": "<s>"}, eos_token=None), [SHORT], ChatConfig())


def test_a_template_that_fits_some_conversations_is_left_to_the_gates(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, NO_SYSTEM + TURNS)
    many = [("system", *(SHORT * length)) for length in range(1, 40)]
    check_template(folder, [*many, SHORT], ChatConfig())
    with pytest.raises(ConfigError, match="refuses a conversation of the roles system"):
        check_template(folder, many, ChatConfig())
    check_template(folder, [], ChatConfig())
    check_template(tmp_path / "nowhere", many, ChatConfig())
