"""The chat template of a tokenizer: its digest, what ends an assistant turn, and the template base models get.

A tokenizer without a chat template gets one made of tokens that it has, with the end-of-sequence token at the end of
every assistant turn, because that is the only end a base model has learned:

- ChatML (``<|im_start|>role``) when ``<|im_start|>`` and ``<|im_end|>`` are single tokens;
  ``<|im_end|>`` ends the turn;
- else plain text (``### User:``, ``### Assistant:``): the end-of-sequence token ends the turn.

Not covered: tools, documents, images.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from burnish.errors import ConfigError, DataError
from burnish.fsio import digest_json

log = logging.getLogger(__name__)

CHATML_TEMPLATE = (
    "{{- bos_token if BOS else '' }}"
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
PLAIN_TEMPLATE = (
    "{{- bos_token if BOS else '' }}"
    "{%- for message in messages %}"
    "{%- if message['role'] == 'assistant' %}"
    "{{- '### Assistant:\\n' + message['content'] + eos_token + '\\n\\n' }}"
    "{%- else %}{{- '### ' + message['role'] | capitalize + ':\\n' + message['content'] + '\\n\\n' }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '### Assistant:\\n' }}{%- endif %}"
)

_PROBE = "ANSWER"


def ensure_chat_template(tokenizer: Any) -> None:
    """Give ``tokenizer`` a chat template if it has none, and say so on the log.

    Raises:
        ConfigError: it has no template and no end-of-sequence token to make one with.
    """
    if tokenizer.chat_template:
        return
    adds_bos = tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    chatml = all(_is_one_token(tokenizer, token) for token in ("<|im_start|>", "<|im_end|>"))
    if not chatml and tokenizer.eos_token_id is None:
        raise ConfigError(
            "the tokenizer has no chat template and no end-of-sequence token, so nothing can end an answer.",
            "Set eos_token in tokenizer_config.json, or add a chat_template.jinja to the model folder.",
        )
    template = CHATML_TEMPLATE if chatml else PLAIN_TEMPLATE
    tokenizer.chat_template = template.replace("BOS", "true" if adds_bos else "false")
    log.info(
        "the tokenizer has no chat template; using %s, a turn ends with %s",
        "ChatML" if chatml else "plain '### User:' headings",
        "<|im_end|>" if chatml else tokenizer.eos_token,
    )


def _is_one_token(tokenizer: Any, token: str) -> bool:
    return len(tokenizer(token, add_special_tokens=False)["input_ids"]) == 1


def render(messages: Sequence[Mapping[str, str]], tokenizer: Any, *, generation_prompt: bool) -> str:
    """The text of a conversation; with ``generation_prompt`` up to where the assistant would begin.

    Raises:
        DataError: the template refuses these messages, for example roles that do not alternate or a system turn.
    """
    from jinja2 import TemplateError

    ensure_chat_template(tokenizer)
    try:
        text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=generation_prompt)
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise DataError(
            f"the chat template refuses a conversation of the roles {roles}: {error}",
            "Change the rows to what the template takes, or give the model folder another chat_template.jinja.",
        ) from error
    return str(text)


def template_digest(tokenizer: Any) -> str:
    """SHA-256 of everything that decides how a conversation becomes text: the template and the special tokens."""
    ensure_chat_template(tokenizer)
    return digest_json([tokenizer.chat_template, tokenizer.bos_token, tokenizer.eos_token])


def end_of_turn(tokenizer: Any) -> str:
    """The text that closes an assistant turn, without trailing white space; empty when the template writes none.

    Found by rendering a probe: what follows the answer.
    """
    ensure_chat_template(tokenizer)
    key = json.dumps([tokenizer.chat_template, tokenizer.bos_token, tokenizer.eos_token], sort_keys=True)
    return _end_of_turn(_Keyed(key, tokenizer))


def end_of_turn_ids(tokenizer: Any) -> tuple[int, ...]:
    """Token ids that end an assistant turn when sampled: the first special token of `end_of_turn`, else none."""
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    for token in tokenizer(end_of_turn(tokenizer), add_special_tokens=False)["input_ids"]:
        if token in special:
            return (int(token),)
    return ()


class _Keyed:
    """A tokenizer that is cached by its template, because tokenizers themselves do not hash by content."""

    def __init__(self, key: str, tokenizer: Any) -> None:
        self.key = key
        self.tokenizer = tokenizer

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and other.key == self.key


@lru_cache(maxsize=16)
def _end_of_turn(keyed: _Keyed) -> str:
    probe = [{"role": "user", "content": "QUESTION"}, {"role": "assistant", "content": _PROBE}]
    text = render(probe, keyed.tokenizer, generation_prompt=False)
    return text[text.rindex(_PROBE) + len(_PROBE) :].rstrip() if _PROBE in text else ""
