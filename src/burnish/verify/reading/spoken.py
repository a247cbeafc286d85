"""Extract a model's answer from its text, without chat tokens, thinking, and turns written for others.

Thinking is removed before the first fence and the first code, in its usual forms: ``<think>``, ``[THINK]``,
``<|begin_of_thought|>``, harmony channels, or a closing mark alone, whose opening one the prompt wrote. After unclosed
thinking there is no answer. Marks inside of fenced blocks belong to a program, and a text that is a program has none.

Not covered: thinking without any mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from burnish.syntax.fences import Block, fenced_blocks
from burnish.syntax.source import is_program, looks_like_code
from burnish.verify.reading.prose import begins_as_code
from burnish.verify.reading.source import tree

_TOKEN = r"(?:<\|[^|<>\n]{1,40}\|?>|<｜[^｜<>\n]{1,40}｜>|</s>|<(?:eos|bos|pad|end_of_turn|start_of_turn)>|\[/INST\])"
_LEADING = re.compile(rf"(?:\s*(?:{_TOKEN}|<s>)[ \t]*(?:(?:assistant|model|final)\b)?)+\s*")
_TRAILING = re.compile(rf"{_TOKEN}\Z")
_TURN_END = (
    r"(?:<\|(?:im_end|eot_id|endoftext|end_of_text|end|return|EOT|eos|end_of_turn|END_OF_TURN_TOKEN)\|>|</s>"
    r"|<end_of_turn>|<eos>|<｜end▁of▁sentence｜>)"
)
_TURN_ENDS = re.compile(rf"^[ \t]*{_TURN_END}|{_TURN_END}(?=[ \t]*(?:$|<\|))", re.MULTILINE)
_TOKENLESS_HARMONY = re.compile(r"\s*analysis(?=\S)")
_TOKENLESS_FINAL = "assistantfinal"
"""Harmony channels whose special tokens a decoder left out."""
_ROLE = re.compile(r"\s{0,8}(?:assistant|ai|answer|response|solution|output|code)[ \t]*:[ \t]*(?=\S)", re.IGNORECASE)
_NAMES = r"think|thinking|thoughts?|reasoning|reflection|scratchpad|analysis|seed:think"
_OPENS = (
    rf"(?:<(?P<tag>{_NAMES})(?:\s[^<>\n]{{0,80}})?>|\[(?P<bracket>THINK|THINKING)\]|◁(?P<kimi>think)▷"
    r"|<\|(?P<token>begin_of_thought|START_THINKING|thinking)\|>"
    r"|(?:<\|start\|>assistant)?(?P<harmony><\|channel\|>(?:analysis|commentary)[^<\n]{0,80}<\|message\|>))"
)
_OPENS_HERE = re.compile(_OPENS, re.IGNORECASE)
_OPENS_LINE = re.compile(rf"^[ \t]*{_OPENS}", re.IGNORECASE | re.MULTILINE)
_CLOSES = re.compile(
    rf"</(?:{_NAMES})>|\[/THINK(?:ING)?\]|◁/think▷|<\|(?:end_of_thought|END_THINKING|/thinking)\|>", re.IGNORECASE
)
_TOKEN_CLOSES = {
    "begin_of_thought": "<|end_of_thought|>", "start_thinking": "<|END_THINKING|>", "thinking": "<|/thinking|>",
}  # fmt: skip
_FINAL_CHANNEL = "<|channel|>final<|message|>"
_ANSWER = re.compile(r"^[ \t]*<(?P<tag>answer|solution|final_answer|response|code|rust)>", re.IGNORECASE | re.MULTILINE)
_TRIES = 8
"""Most marks of a kind that are read: models write one or two, hostile texts thousands."""


def answer_in(text: str) -> str:
    """Return the part of ``text`` that is the answer; all of it if it is a program."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if begins_as_code(text) and is_program(tree(text)):
        return text
    text = _without_tokens(_without_thinking(text))
    text = _first_turn(text)
    return _without_role(_without_tokens(_inside_answer_tag(text)))


@dataclass(frozen=True)
class _Fenced:
    """The blocks of a text, to test whether a position is inside of one."""

    blocks: list[Block]

    def outside(self, places: Iterable[re.Match[str]]) -> list[re.Match[str]]:
        """Return the matches outside of all blocks; both are in order, so one pass suffices."""
        matches = []
        at = 0
        for place in places:
            while at < len(self.blocks) and self.blocks[at].inside[1] <= place.start():
                at += 1
            if at == len(self.blocks) or place.start() < self.blocks[at].inside[0]:
                matches.append(place)
        return matches


def has_code(text: str) -> bool:
    """Return whether a text has any code: a block that is not blank, or an item."""
    blocks = fenced_blocks(text)
    return any(block.text.strip() for block in blocks) or looks_like_code(tree(text))


def _without_tokens(text: str) -> str:
    """Remove chat tokens at both ends; ends of turns inside are for `_first_turn`."""
    leading = _LEADING.match(text)
    text = text[leading.end() :] if leading is not None else text
    end = len(text)
    while True:
        at = end
        while at > 0 and text[at - 1].isspace():
            at -= 1
        ended = _TRAILING.search(text, max(0, at - 64), at)
        if ended is None:
            return text[:end]
        end = ended.start()


def _without_role(text: str) -> str:
    """Remove ``Assistant:`` or the like from the first line of bare code."""
    role = _ROLE.match(text)
    return text[role.end() :] if role is not None and begins_as_code(text[role.end() :]) else text


def _without_thinking(text: str) -> str:
    for _ in range(_TRIES):
        body = text[leading.end() :] if (leading := _LEADING.match(text)) is not None else text.lstrip()
        opened = _OPENS_HERE.match(text.lstrip()) or _OPENS_HERE.match(body)
        if opened is None:
            break
        within = opened.string[opened.end() :]
        text = _behind(within, _closing(opened))
    if _TOKENLESS_HARMONY.match(text):
        text = text.rpartition(_TOKENLESS_FINAL)[2]
    return _without_stray_close(_without_thinking_before_code(text))


def _closing(opened: re.Match[str]) -> str:
    """Return the mark that closes ``opened``."""
    if opened["harmony"]:
        return _FINAL_CHANNEL
    if opened["tag"]:
        return f"</{opened['tag']}>"
    if opened["token"]:
        return _TOKEN_CLOSES[opened["token"].lower()]
    return f"[/{opened['bracket']}]" if opened["bracket"] else "◁/think▷"


def _behind(text: str, mark: str) -> str:
    """Return the text after the first ``mark`` outside of drafts, otherwise after the first one; empty without any."""
    closes = list(re.finditer(re.escape(mark), text, re.IGNORECASE))
    outside = _Fenced(fenced_blocks(text)).outside(closes)
    first = (outside or closes)[:1]
    return text[first[0].end() :] if first else ""


def _without_thinking_before_code(text: str) -> str:
    """Remove thinking after a few words (``Sure. <think>``), if it is closed and before any code."""
    fences = fenced_blocks(text)
    until = fences[0].start if fences else len(text)
    opened = _OPENS_LINE.search(text, 0, until)
    if opened is None or looks_like_code(tree(text[: opened.start()])):
        return text
    behind = _behind(text[opened.end() :], _closing(opened))
    return text[: opened.start()] + behind if behind else text


def _without_stray_close(text: str) -> str:
    """Remove the text before a closing mark without an opening one, if code follows it."""
    fenced = _Fenced(fenced_blocks(text))
    opens = len(fenced.outside(_OPENS_LINE.finditer(text)))
    closes = [m for m in fenced.outside(_CLOSES.finditer(text)) if not _is_quoted(text, m)]
    for mark in reversed(closes[: len(closes) - opens][-_TRIES:] if opens else closes[-_TRIES:]):
        if has_code(text[mark.end() :]):
            return text[mark.end() :]
    return text


def _first_turn(text: str) -> str:
    """Return the text up to the end of the model's turn, if the model went on to write the next one."""
    blocks = [block for block in fenced_blocks(text) if block.closed]
    ends = _Fenced(blocks).outside(_TURN_ENDS.finditer(text))
    return text[: ends[0].start()] if ends and text[: ends[0].start()].strip() else text


def _inside_answer_tag(text: str) -> str:
    """Return the content of the last ``<answer>`` or similar tag, if it holds code."""
    tags = _Fenced(fenced_blocks(text)).outside(_ANSWER.finditer(text))
    for tag in reversed(tags[-_TRIES:]):
        inner = text[tag.end() :]
        closes = list(re.finditer(f"</{tag['tag']}>", inner, re.IGNORECASE))
        blocks = fenced_blocks(inner)
        ends = _Fenced([block for block in blocks if block.closed]).outside(closes)
        inner = inner[: ends[0].start()] if ends else inner
        if has_code(inner):
            return inner
    return text


def _is_quoted(text: str, mark: re.Match[str]) -> bool:
    """Return whether the text only mentions a mark."""
    return text[mark.start() - 1 : mark.start()] in ("`", '"', "'") and mark.start() > 0
