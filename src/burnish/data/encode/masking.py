"""Find the trained characters of a rendered conversation.

This works with any chat template, without ``{% generation %}`` in it: an answer begins where the prompt's text (with
the generation prompt) ends, and it ends with the template's end of turn; trailing white space after that is not
trained. Turns of other roles, where they are trained, are found by rendering the conversation with different content
instead.

Templates may write an answer's ``<think>`` block differently or leave it out, as Qwen3's does for earlier answers.
`ChatConfig.thinking` decides what is kept: an answer whose thinking the template dropped is refused where
thinking is to be trained.

Not covered: tools, images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.config.data.chat import ChatConfig
from burnish.errors import DataError
from burnish.model.chat_template import THINKING, check_turns_written, end_of_turn, render
from burnish.records import Message

Turn = Mapping[str, str]
Range = tuple[int, int]
"""Start and end, in characters."""

PROBE = "\N{OBJECT REPLACEMENT CHARACTER}PROBE\N{OBJECT REPLACEMENT CHARACTER}"
_TEMPLATE_WAY_OUT = (
    "Put a chat_template.jinja into the model folder whose answers begin exactly where its generation prompt ends."
)


@dataclass(frozen=True)
class MaskedText:
    """A rendered conversation, and the parts of it that are trained, in order."""

    text: str
    trained: tuple[Range, ...]


def plain_turns(messages: Sequence[Message], thinking: str = "keep") -> list[Turn]:
    """Role and content of each turn, with ``thinking`` "strip" without the thinking of answers."""
    return [
        {
            "role": message.role,
            "content": THINKING.sub("", message.content)
            if thinking == "strip" and message.role == "assistant"
            else message.content,
        }
        for message in messages
    ]


def mask_conversation(
    row: str, turns: Sequence[Turn], tokenizer: Any, chat: ChatConfig, *, last_alone: bool = False
) -> MaskedText:
    """Render the conversation and find the trained ranges; with ``last_alone`` only the last answer.

    Raises DataError naming ``row`` where no exact mask exists.
    """
    text = render(turns, tokenizer, generation_prompt=False)
    try:
        check_turns_written([turn["role"] for turn in turns], tokenizer, generation_prompt=False)
    except DataError as error:
        raise DataError(f"row {row}: {error.cause}", error.way_out) from error
    trained: list[Range] = []
    last = max((index for index, turn in enumerate(turns) if turn["role"] == "assistant"), default=0)
    for index, turn in enumerate(turns):
        if turn["role"] not in chat.train_roles:
            continue
        if last_alone and turn["role"] == "assistant" and index != last:
            continue
        if turn["role"] == "assistant":
            begin, end = _answer(row, text, turns, index, tokenizer)
            trained += _without_thinking(row, text, (begin, end), turn["content"], chat)
        else:
            begin, end = locate(row, text, turns, index, tokenizer)
            closing = end_of_turn(tokenizer)
            after = len(text) - len(text[end:].lstrip())
            trained.append((begin, after + len(closing) if closing and text.startswith(closing, after) else end))
    return MaskedText(text, tuple(trained))


def locate(row: str, text: str, turns: Sequence[Turn], index: int, tokenizer: Any) -> Range:
    """Find a turn's content in the text; raise DataError when the template changes it."""
    other = [*turns[:index], {**turns[index], "content": PROBE}, *turns[index + 1 :]]
    probed = render(other, tokenizer, generation_prompt=False)
    before, probe, after = probed.partition(PROBE)
    if not probe or not text.startswith(before) or not text.endswith(after) or len(before) + len(after) > len(text):
        raise DataError(
            f"row {row}: the chat template does not write turn {index} of the role {turns[index]['role']!r} "
            "unchanged, so it can be neither trained nor cut.",
            "Set data.chat.truncate to refuse and data.chat.train_roles to [assistant].",
        )
    return len(before), len(text) - len(after)


def _answer(row: str, text: str, turns: Sequence[Turn], index: int, tokenizer: Any) -> Range:
    if index == 0:  # tokenizers cannot render an empty conversation
        raise DataError(
            f"row {row}: its first turn is an answer, {turns[0]['content'][:60]!r}: the roles are in the wrong order.",
            "Put system turns first, then the user and the assistant in turn.",
        )
    prompt = render(turns[:index], tokenizer, generation_prompt=True)
    if not text.startswith(prompt):
        raise DataError(
            f"row {row}: the chat template writes {prompt[-40:]!r} before an answer is generated, but "
            f"{_at(text, prompt)!r} where that answer stands in a conversation.",
            _TEMPLATE_WAY_OUT,
        )
    if index == len(turns) - 1:
        end = len(text.rstrip())
    else:
        end = _end_inside(row, text, len(prompt), turns[index]["content"], end_of_turn(tokenizer))
    return len(prompt), max(end, len(prompt))


def _end_inside(row: str, text: str, begin: int, content: str, closing: str) -> int:
    """Find the end of an answer before the last turn: after its content and end of turn."""
    if not closing:
        raise DataError(
            f"row {row}: the chat template writes no end of turn after an answer.",
            "Let the chat_template.jinja of the model folder write eos_token after each assistant turn.",
        )
    for written in (content.strip(), THINKING.sub("", content).strip()):
        start = text.find(written, begin)
        end = text.find(closing, start + len(written)) if start >= 0 else -1
        if end >= 0:
            return end + len(closing)
    raise DataError(
        f"row {row}: the chat template does not write an earlier answer unchanged, followed by {closing!r}.",
        "Use rows with one answer each, or a chat template that keeps earlier answers unchanged.",
    )


def _without_thinking(row: str, text: str, answer: Range, content: str, chat: ChatConfig) -> list[Range]:
    """Return the answer's ranges; with ``thinking`` "untrained" without its thinking blocks."""
    begin, end = answer
    if chat.thinking == "keep":
        for block in THINKING.findall(content):
            if block.strip().removeprefix("<think>").removesuffix("</think>").strip() not in text[begin:end]:
                raise DataError(
                    f"row {row}: the chat template leaves out the thinking of an answer, {block[:60]!r}, so it would "
                    "not be trained.",
                    "Set data.chat.thinking to strip or untrained, or use rows with one answer each.",
                )
        return [answer]
    ranges = []
    opened = text.rfind("<think>", 0, begin)  # some generation prompts open the block
    start = opened if opened >= 0 and not text[opened + len("<think>") : begin].strip() else begin
    for block in THINKING.finditer(text, start, end) if chat.thinking == "untrained" else ():
        ranges.append((begin, block.start()))
        begin = block.end()
    return [span for span in (*ranges, (begin, end)) if span[0] < span[1]]


def _at(text: str, prompt: str) -> str:
    """Quote the text around the first character that differs from the prompt."""
    same = next((i for i, (a, b) in enumerate(zip(text, prompt, strict=False)) if a != b), len(text))
    return text[max(0, same - 20) : same + 20]
