r"""Find the text that may hold a model's answer: the text without thinking, and its boxes.

Thinking is not an answer, whether its block is closed or not; a closing tag alone ends a block that the prompt opened.
Each function reads the text once, however many tags and braces are left open.
Not covered: what a box or a sentence says (`cues`, `letters`, `extraction`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from burnish.records.evaluation import Problem

_MARK = re.compile(r"<(?P<end>/?)(?P<name>think|thinking|thought|reasoning)>", re.IGNORECASE)
_OPEN = re.compile(r"<(?:think|thinking|thought|reasoning)>.*\Z", re.DOTALL | re.IGNORECASE)
_STRAY_END = re.compile(r"\A.*</(?:think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
_TAGGED = re.compile(r"<answer>(?P<content>.*?)</answer>", re.DOTALL | re.IGNORECASE)
_TAG_END = re.compile(r".*</answer>", re.DOTALL | re.IGNORECASE)
_LONGEST_RUN = 64
_RUN = re.compile(rf"\s{{{_LONGEST_RUN},}}|([^\w\s])\1{{{_LONGEST_RUN},}}")
"""Longer runs of blanks or of one mark say no more, and patterns that skip them would try each length of each."""
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_HTML = re.compile(r"</?(?:b|strong|i|em|u|p|br|span|code)\s*/?>", re.IGNORECASE)
_BOX = re.compile(r"\\(?:f?boxed|fbox)(?:\s*(?P<brace>\{)|\s+(?P<bare>[^\s{}$\\.,;]+))")


@dataclass(frozen=True)
class Extracted:
    """An answer, or None with the reason."""

    answer: str | None
    problem: Problem = ""


def readable(text: str) -> tuple[str, Problem]:
    """Return the visible text, or an empty one with the reason."""
    if not text.strip():
        return "", "empty"
    visible = _RUN.sub(lambda run: run[0][:_LONGEST_RUN], visible_text(text))
    return (visible, "") if visible else ("", "only_thinking")


def visible_text(text: str) -> str:
    """Remove thinking blocks: closed ones, an open one at the end, and one that the prompt opened.

    ``<answer>`` is a box by another name and becomes one; HTML markup goes.
    """
    text = _OPEN.sub("", _STRAY_END.sub("", _without_blocks(text)))
    last = _TAG_END.match(text)  # no closing tag follows, and searching for it each time would make the loop quadratic
    if last:
        text = _TAGGED.sub(_as_box, last.group()) + text[last.end() :]
    return _HTML.sub("", text).strip()


def _without_blocks(text: str) -> str:
    """Remove the text between each thinking tag and the next closing tag of the same name."""
    marks = list(_MARK.finditer(text))
    ends: dict[str, list[re.Match[str]]] = {}
    for mark in reversed(marks):
        if mark["end"]:
            ends.setdefault(mark["name"].lower(), []).append(mark)
    kept: list[str] = []
    place = 0
    for mark in marks:
        if mark["end"] or mark.start() < place:
            continue
        closing = ends.get(mark["name"].lower(), [])
        while closing and closing[-1].start() < mark.end():
            closing.pop()
        if closing:
            kept.append(text[place : mark.start()])
            place = closing[-1].end()
    return "".join([*kept, text[place:]])


def boxes(text: str) -> list[str]:
    r"""Return the contents of all ``\\boxed{}`` whose braces close, in order; nested boxes give the innermost
    last one."""
    return [text[inner.start : inner.end].strip() for _, inner in _whole_boxes(text)]


def without_boxes(text: str) -> str:
    """Replace whole boxes by blanks; the length stays the same."""
    parts: list[str] = []
    place = 0
    for outer, _ in _whole_boxes(text):
        parts += [text[place : outer.mark], " " * (outer.behind - outer.mark)]
        place = outer.behind
    return "".join([*parts, text[place:]])


@dataclass(frozen=True)
class _Box:
    """Positions of a box: of its mark, of its content, and behind it."""

    mark: int
    start: int
    end: int
    behind: int


def _whole_boxes(text: str) -> list[tuple[_Box, _Box]]:
    """Return the outermost boxes, each with the last box inside it, or itself.

    A truncated box is skipped; a box inside it may still be whole. TeX takes a single token without braces:
    ``\\boxed 5``.
    """
    closed_by = _closing_braces(text)
    whole: list[tuple[_Box, _Box]] = []
    for match in _BOX.finditer(text):
        if match["bare"]:
            box = _Box(match.start(), match.start("bare"), match.end(), match.end())
        elif match.end() - 1 in closed_by:
            end = closed_by[match.end() - 1]
            box = _Box(match.start(), match.end(), end, end + 1)
        else:
            continue
        if whole and box.mark < whole[-1][0].behind:
            whole[-1] = (whole[-1][0], box)
        else:
            whole.append((box, box))
    return whole


def _closing_braces(text: str) -> dict[int, int]:
    """Map the position of each opening brace to that of its closing brace, skipping escaped braces."""
    pairs: dict[int, int] = {}
    open_ones: list[int] = []
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            open_ones.append(brace.start())
        elif brace[0] == "}" and open_ones:
            pairs[open_ones.pop()] = brace.start()
    return pairs


def _as_box(tagged: re.Match[str]) -> str:
    box = f"{{{tagged['content'].strip()}}}"
    whole = _closing_braces(box).get(0) == len(box) - 1  # an unpaired brace would close the box too early
    return f"\\boxed{box}" if whole else box[1:-1]
