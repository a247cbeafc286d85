"""Try the chat template of a model folder on conversations of given roles, without loading transformers or torch.

Told so, a template whose answers cannot be found, or that leaves out a turn, is refused in the first second; rows are
still rendered by the tokenizer itself. Not covered: templates in GGUF files, and those with tags that only transformers
knows, which are left to the gates.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.config.data.chat import ChatConfig
from burnish.data.encode.masking import mask_conversation
from burnish.errors import ConfigError, DataError

UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Errors of a template on a made-up conversation: they say nothing of real ones, and are left to the gates."""


@dataclass(frozen=True)
class FolderTemplate:
    """The part of a tokenizer that renders conversations."""

    chat_template: str
    bos_token: str | None
    eos_token: str | None

    def apply_chat_template(self, messages: Sequence[Any], *, tokenize: bool = False, **variables: Any) -> str:
        """Render as transformers does."""
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        assert not tokenize
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _as_json
        environment.globals["raise_exception"] = _refuse
        given = {"tools": None, "documents": None, "bos_token": self.bos_token or "", "eos_token": self.eos_token or ""}
        return environment.from_string(self.chat_template).render(messages=messages, **(given | variables))


def check_template(folder: Path, conversations: Iterable[tuple[str, ...]], chat: ChatConfig) -> None:
    """Raise ConfigError where the folder's template fits none of the ``conversations``, given by their roles.

    One that fits some is left to the gates, which know how many unusable rows are allowed.
    """
    tried = sorted(set(conversations), key=lambda roles: (len(roles), roles))
    template = read_template(folder)
    if template is None or not tried:
        return
    from jinja2 import TemplateError

    problem: DataError | None = None
    for roles in tried:
        turns = [{"role": role, "content": f"TURN {place}."} for place, role in enumerate(roles)]
        try:
            mask_conversation("probe", turns, template, chat)
        except DataError as error:
            if isinstance(error.__cause__, TemplateError) and not _refused(error.__cause__):
                return
            problem = problem or error
        except (TemplateError, *UNREADABLE):
            return
        else:
            return
    assert problem is not None
    raise ConfigError(f"the model in {folder}: {problem.cause.removeprefix('row probe: ')}", problem.way_out)


def read_template(folder: Path) -> FolderTemplate | None:
    """Read the folder's default chat template; None where it has none, or its files are not as usual."""
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_bytes())
        template_file = folder / "chat_template.jinja"
        template = (
            template_file.read_text(encoding="utf-8") if template_file.is_file() else settings.get("chat_template")
        )
    except (OSError, ValueError, AttributeError):
        return None
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
        template = named.get("default")
    if not isinstance(template, str) or not template:
        return None
    return FolderTemplate(template, _token(settings.get("bos_token")), _token(settings.get("eos_token")))


def _token(token: Any) -> str | None:
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


def _as_json(value: Any, **_options: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _refuse(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _refused(error: BaseException) -> bool:
    """Return whether the template itself refused a conversation; otherwise it could not be read here."""
    from jinja2 import TemplateError

    return type(error) is TemplateError
