r"""What of a model's text may hold its answer: the text without thinking, and its boxes.

Thinking is no answer, whether its block is closed or not; a closing mark alone ends a block that the prompt opened.
Not covered: what a box or a sentence says (`cues`, `letters`, `extraction`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from burnish.records.evaluation import Problem

_BLOCK = re.compile(r"<(think|thinking|thought|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN = re.compile(r"<(?:think|thinking|thought|reasoning)>.*\Z", re.DOTALL | re.IGNORECASE)
_STRAY_END = re.compile(r"\A.*</(?:think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
_TAGGED = re.compile(r"<answer>(?P<content>.*?)</answer>", re.DOTALL | re.IGNORECASE)
_HTML = re.compile(r"</?(?:b|strong|i|em|u|p|br|span|code)\s*/?>", re.IGNORECASE)
_BOX = re.compile(r"\\(?:f?boxed|fbox)(?:\s*(?P<brace>\{)|\s+(?P<bare>[^\s{}$\\.,;]+))")


@dataclass(frozen=True)
class Extracted:
    """An answer, or None and why there is none."""

    answer: str | None
    problem: Problem = ""


def readable(text: str) -> tuple[str, Problem]:
    """The visible text, or an empty one and why there is none."""
    if not text.strip():
        return "", "empty"
    visible = visible_text(text)
    return (visible, "") if visible else ("", "only_thinking")


def visible_text(text: str) -> str:
    """The text without thinking blocks: closed ones, an open one at the end, and one that the prompt opened.

    ``<answer>`` is a box by another name and becomes one; HTML markup goes.
    """
    text = _OPEN.sub("", _STRAY_END.sub("", _BLOCK.sub("", text)))
    return _HTML.sub("", _TAGGED.sub(_as_box, text)).strip()


def boxes(text: str) -> list[str]:
    r"""Contents of all ``\boxed{}`` whose braces close, in their order; of boxes in a box the innermost last one."""
    found = []
    place = 0
    while box := _BOX.search(text, place):
        place = box.end()
        if box["bare"]:
            found.append(box["bare"])  # TeX takes a single token without braces: \boxed 5
            continue
        end = _closing_brace(text, box.end())
        if end is None:
            continue  # cut off here; a box inside this one may still be whole
        content = text[box.end() : end]
        inner = boxes(content)
        found.append(inner[-1] if inner else content.strip())
        place = end + 1
    return found


def without_boxes(text: str) -> str:
    """The text with blanks in place of its whole boxes; same length."""
    place = 0
    while box := _BOX.search(text, place):
        place = box.end()
        end = place - 1 if box["bare"] else _closing_brace(text, place)
        if end is not None:
            text = text[: box.start()] + " " * (end + 1 - box.start()) + text[end + 1 :]
    return text


def last_boxed(text: str) -> str | None:
    r"""Content of the last whole ``\boxed{}``; None without one."""
    found = boxes(text)
    return found[-1] if found else None


def _as_box(tagged: re.Match[str]) -> str:
    content = tagged["content"].strip()
    whole = _closing_brace(content + "}", 0) == len(content)  # an unpaired brace would close the box too early
    return f"\\boxed{{{content}}}" if whole else content


def _closing_brace(text: str, start: int) -> int | None:
    depth = 1
    place = start
    while place < len(text):
        if text[place] == "\\":
            place += 2  # an escaped brace closes nothing
            continue
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
        place += 1
    return None
