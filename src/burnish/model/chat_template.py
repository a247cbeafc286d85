"""Render chat templates, compute their digest, and find the ends of assistant turns.

Also holds the template that base models get.

A tokenizer without a chat template gets one made of its own tokens, with the end-of-sequence token after every
assistant turn, because that is the only end a base model has learned:

- ChatML (``<|im_start|>role``) when ``<|im_start|>`` and ``<|im_end|>`` are single tokens;
  ``<|im_end|>`` ends the turn;
- else plain text (``### User:``, ``### Assistant:``): the end-of-sequence token ends the turn.

Templates that write today's date get a fixed one (`TODAY`): a row must become the same tokens tomorrow.

Not covered: choosing tools, documents or images for a conversation; a template's own variables are handed through.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
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

TODAY = datetime.date(2025, 7, 10)
"""The date that templates write."""
THINKING = re.compile(r"<think>.*?</think>\s*", re.DOTALL)
"""A block of thinking and the white space after it."""
DOCUMENT_ENDS = ("<|endoftext|>", "<|end_of_text|>")
"""Tokens that end a document in vocabularies whose end-of-sequence token ends a turn instead."""

_PROBE = "ANSWER"


def ensure_chat_template(tokenizer: Any) -> None:
    """Give ``tokenizer`` a chat template if it has none, and log it.

    Raises:
        ConfigError: it has no template and no end-of-sequence token to make one with.
    """
    if tokenizer.chat_template:
        return
    chatml = all(_is_one_token(tokenizer, token) for token in ("<|im_start|>", "<|im_end|>"))
    if not chatml and tokenizer.eos_token_id is None:
        raise ConfigError(
            "the tokenizer has no chat template and no end-of-sequence token, so no token can end an answer.",
            "Set eos_token in tokenizer_config.json, or add a chat_template.jinja to the model folder.",
        )
    template = CHATML_TEMPLATE if chatml else PLAIN_TEMPLATE
    tokenizer.chat_template = template.replace("BOS", "true" if _adds_bos(tokenizer) else "false")
    log.info(
        "the tokenizer has no chat template; using %s, a turn ends with %s",
        "ChatML" if chatml else "plain '### User:' headings",
        "<|im_end|>" if chatml else tokenizer.eos_token,
    )


def _adds_bos(tokenizer: Any) -> bool:
    return tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]


def _is_one_token(tokenizer: Any, token: str) -> bool:
    return len(tokenizer(token, add_special_tokens=False)["input_ids"]) == 1


def render(
    messages: Sequence[Mapping[str, Any]], tokenizer: Any, *, generation_prompt: bool | None, **variables: Any
) -> str:
    """Render a conversation; with ``generation_prompt`` up to where the assistant begins.

    Args:
        messages: role and content of each turn, and whatever else the template reads.
        tokenizer: gives the template and its special tokens.
        generation_prompt: None leaves the choice to the template.
        variables: of the template, such as ``tools`` or ``enable_thinking``.

    Raises:
        DataError: content is neither text nor a list of parts, which templates would leave out silently; or the
            template refuses these messages, for example roles that do not alternate or a system turn.
    """
    from jinja2 import TemplateError, Undefined

    ensure_chat_template(tokenizer)
    _check_content(messages)
    try:
        text = tokenizer.apply_chat_template(
            list(messages),
            tokenize=False,
            add_generation_prompt=Undefined() if generation_prompt is None else generation_prompt,
            **{"strftime_now": TODAY.strftime} | variables,
        )
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise DataError(
            f"the chat template refuses a conversation of the roles {roles}: {error}",
            "Change the rows to fit the template, or give the model folder another chat_template.jinja.",
        ) from error
    return str(text)


def _check_content(messages: Sequence[Mapping[str, Any]]) -> None:
    for index, message in enumerate(messages):
        content = message.get("content")
        if not isinstance(content, str | list) and not (content is None and message.get("tool_calls")):
            raise DataError(
                f"turn {index} of the role {message.get('role')!r} has the content {content!r}, which is not text.",
                "Write contents as JSON strings: a chat template leaves out whatever is not text.",
            )


def thinking_switch(tokenizer: Any, thinking: bool | None) -> dict[str, bool]:
    """Return the template's variable for thinking; empty when it has none.

    Raises ConfigError when thinking is requested and the template does not support it.
    """
    ensure_chat_template(tokenizer)
    if thinking is None or "enable_thinking" in str(tokenizer.chat_template):
        return {} if thinking is None else {"enable_thinking": thinking}
    if thinking:
        raise ConfigError(
            "sampling.thinking is true, but the model's chat template has no enable_thinking.",
            "Remove sampling.thinking, or use a model whose template supports it.",
        )
    return {}


def template_digest(tokenizer: Any) -> str:
    """Compute SHA-256 over the chat template and the special tokens."""
    ensure_chat_template(tokenizer)
    dated = [TODAY.isoformat()] if "strftime_now" in str(tokenizer.chat_template) else []
    return digest_json([tokenizer.chat_template, tokenizer.bos_token, tokenizer.eos_token, *dated])


def unmarked_answer(tokenizer: Any) -> str:
    """Return text that a template writes before an answer but not as generation prompt.

    It should be empty: otherwise the start of an answer is unknown, and this text would be trained as part of it.
    """
    ensure_chat_template(tokenizer)
    question = {"role": "user", "content": "QUESTION"}
    prompt = render([question], tokenizer, generation_prompt=True)
    text = render([question, {"role": "assistant", "content": _PROBE}], tokenizer, generation_prompt=False)
    if prompt != render([question], tokenizer, generation_prompt=False) or not text.startswith(prompt):
        return ""
    return THINKING.sub("", text[len(prompt) : text.rindex(_PROBE)]).strip() if _PROBE in text else ""


def document_ends(tokenizer: Any) -> tuple[list[int], int]:
    """Return the token ids before a document and the id after it.

    Before it comes the beginning-of-sequence token if the tokenizer adds one.

    Raises:
        ConfigError: the vocabulary has no token that ends a document.
    """
    special = tokenizer.get_added_vocab()
    end = next((special[name] for name in DOCUMENT_ENDS if name in special), tokenizer.eos_token_id)
    if end is None:
        raise ConfigError(
            "the tokenizer has no end-of-sequence token, so no token can end a document.",
            "Set eos_token in tokenizer_config.json.",
        )
    return ([tokenizer.bos_token_id] if _adds_bos(tokenizer) else []), int(end)


def control_tokens(tokenizer: Any) -> re.Pattern[str] | None:
    """Build a pattern that finds the vocabulary's special tokens in a text; None where it has none."""
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    texts = sorted(filter(None, special | set(tokenizer.all_special_tokens)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, texts))) if texts else None


def check_turns_written(roles: Sequence[str], tokenizer: Any, *, generation_prompt: bool) -> None:
    """Raise DataError when the template leaves out a turn of a conversation of these roles.

    The usual case is a dropped system prompt: its instructions would silently be neither trained nor measured.
    """
    ensure_chat_template(tokenizer)
    index = _dropped_turn(_Keyed(tokenizer), tuple(roles), generation_prompt)
    if index is not None:
        raise DataError(
            f"the chat template leaves out turn {index} of the role {roles[index]!r} in a conversation of the roles "
            f"{', '.join(roles)}.",
            "Put a chat_template.jinja that writes it into the model folder, or move its text into the user's turn.",
        )


@lru_cache(maxsize=4096)
def _dropped_turn(keyed: _Keyed, roles: tuple[str, ...], generation_prompt: bool) -> int | None:
    """Return the first turn whose content is not in the rendered text; None if the template rejects the roles."""
    contents = [f"{_PROBE}{index}." for index in range(len(roles))]
    probe = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
    try:
        text = render(probe, keyed.tokenizer, generation_prompt=generation_prompt)
    except DataError:
        return None  # the template itself rejects the roles when the row is rendered, with its own message
    return next((index for index, content in enumerate(contents) if content not in text), None)


def end_of_turn(tokenizer: Any) -> str:
    """Return the text that closes an assistant turn, stripped; empty when there is none.

    Found by rendering a probe: the text after the answer.
    """
    ensure_chat_template(tokenizer)
    return _end_of_turn(_Keyed(tokenizer))


def end_of_turn_ids(tokenizer: Any) -> tuple[int, ...]:
    """Return the ids that end an assistant turn: the first special token of `end_of_turn`."""
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    for token in tokenizer(end_of_turn(tokenizer), add_special_tokens=False)["input_ids"]:
        if token in special:
            return (int(token),)
    return ()


class _Keyed:
    """Cache key for a tokenizer by its template; tokenizers do not hash by content."""

    def __init__(self, tokenizer: Any) -> None:
        self.key = json.dumps([tokenizer.chat_template, tokenizer.bos_token, tokenizer.eos_token], sort_keys=True)
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
