r"""What a model answered: the final answer taken out of its text. The only place that does so.

    text -> without thinking -> last \boxed{} | "the answer is ..." | begins with it | the only one mentioned

Thinking is no answer, whether its block is closed or not; a closing mark alone ends a block that the prompt opened.
Letters and labels count as words of their own only. Several different answers are none, and neither is a denied one
("not true"). Of a text that was cut off, only what was marked as the answer counts: a number or label that happens to
stand in an unfinished sentence does not. What cannot be read is None with its `Problem`, for the caller to count.

Not covered: whether an answer is right (`classification`, `multiple_choice`, `squad`, `numeric`, `text`); Rust code
(the verifier extracts it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.records.evaluation import Problem
from burnish.score.metrics.numbers import Number, first_number, last_number, only_number, written

_BLOCK = re.compile(r"<(think|thinking|thought|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN = re.compile(r"<(?:think|thinking|thought|reasoning)>.*\Z", re.DOTALL | re.IGNORECASE)
_STRAY_END = re.compile(r"\A.*</(?:think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
_BOX = re.compile(r"\\f?boxed\s*\{")
_CUE = re.compile(
    r"(?:\banswers?\b[ \t*_]*(?:\bis\b|\bare\b|\bwould be\b|[:=])|(?:^|\n)[ \t*_]*A[ \t*_]*:|####)[ \t*_:]*",
    re.IGNORECASE,
)
_MARKUP = " \t\r\n*_`\"'“”‘’$"
_FILLER = (
    r"(?:\s|[*_`\"'“”‘’$(\[{:]|\\text\{|\\textbf\{|\\mathrm\{|\b(?:the|a|an|option|choice|letter|is|that|it is)\b)*"
)
_NEGATION = re.compile(r"(?:\bnot|n't|n’t|\bnever|\bneither|\bnor|\bcannot)\s+(?:\w+\s+)?[*_\"'“‘(]*\Z", re.IGNORECASE)
_YES = frozenset({"yes", "true"})
_NO = frozenset({"no", "false"})
_SHORT = {"y": "yes", "t": "true", "1": "true", "n": "no", "f": "false", "0": "false"}


@dataclass(frozen=True)
class Extracted:
    """An answer, or None and why there is none."""

    answer: str | None
    problem: Problem = ""


def visible_text(text: str) -> str:
    """The text without thinking blocks: closed ones, an open one at the end, and one that the prompt opened."""
    return _OPEN.sub("", _STRAY_END.sub("", _BLOCK.sub("", text))).strip()


def last_boxed(text: str) -> str | None:
    r"""Content of the last ``\boxed{}`` whose braces close, nested braces and boxes inside it counted; else None."""
    found: str | None = None
    place = 0
    while box := _BOX.search(text, place):
        end = _closing_brace(text, box.end())
        if end is None:
            place = box.end()  # cut off here; a box inside this one may still be whole
            continue
        found = text[box.end() : end]
        place = end + 1
    if found is not None and (inner := last_boxed(found)) is not None:
        return inner
    return None if found is None else found.strip()


def extract_label(text: str, labels: Sequence[str], *, cut_off: bool = False) -> Extracted:
    """One of ``labels`` as they are written there. Where labels mean yes and no, their synonyms count, and in a box
    or alone their initials too."""
    visible, problem = _readable(text)
    if problem:
        return Extracted(None, problem)
    names = _label_names(labels)
    box = last_boxed(visible)
    for whole in (visible,) if box is None else (box,):
        alone = _bare(whole)
        if (label := names.get(alone, names.get(_SHORT.get(alone, "")))) is not None:
            return Extracted(label)
    word = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w]){_FILLER}(?P<name>{word})(?![\w])", re.IGNORECASE)
    if box is not None:
        return _only_mentioned(box, pattern, names)
    return _marked_or_mentioned(visible, pattern, names, cut_off=cut_off)


def extract_choice(text: str, choices: Mapping[str, str], *, cut_off: bool = False) -> Extracted:
    """The letter of one of ``choices`` (label -> text). The text of exactly one choice, and nothing else, counts too.

    In prose a letter must be a capital; ``A`` and ``I`` as words of English do not count there.
    """
    visible, problem = _readable(text)
    if problem:
        return Extracted(None, problem)
    box = last_boxed(visible)
    whole = visible if box is None else box
    said = [] if box is not None else [visible[cue.end() :].split("\n", 1)[0] for cue in _CUE.finditer(visible)][-1:]
    for bare in map(_bare, (whole, *said)):
        same = [label for label, choice in choices.items() if bare in (label.lower(), _bare(choice))]
        named = [label for label in same if label.lower() == bare] or same
        if len(named) == 1:
            return Extracted(named[0])
    letters = "".join(re.escape(label) for label in choices)
    found = _marked_letter(whole, letters, in_box=box is not None)
    if found is None and box is None and cut_off:
        return Extracted(None, "cut_off")
    return Extracted(found) if found else _only_letter(whole, letters)


def extract_number(text: str, *, cut_off: bool = False, words: bool = False) -> Extracted:
    """A number, as `numbers.written` writes it: of the box, else after the last "answer is", ``A:`` or ``####``, else
    the last one of the text."""
    visible, problem = _readable(text)
    if problem:
        return Extracted(None, problem)
    box = last_boxed(visible)
    if box is not None:
        return _number(only_number(box, words=words))
    cues = list(_CUE.finditer(visible))
    if cues:
        said = re.split(r"\n|[.!?](?=\s|\Z)", visible[cues[-1].end() :].strip(), maxsplit=1)[0]
        return _number(only_number(said, words=words) or first_number(said.rpartition("=")[2]) or first_number(said))
    if cut_off:
        return Extracted(None, "cut_off")
    return _number(only_number(visible, words=words) or last_number(visible))


def extract_text(text: str, *, cut_off: bool = False) -> Extracted:
    """Free text: of the box, else what follows the last "answer is" on its line, else a text of a single line.

    An empty box is no answer. Several lines without a mark are none either: nobody can say which part is meant.
    """
    visible, problem = _readable(text)
    if problem:
        return Extracted(None, problem)
    box = last_boxed(visible)
    if box is not None:
        return Extracted(box) if box.strip(_MARKUP) else Extracted(None, "no_answer")
    cues = list(_CUE.finditer(visible))
    if cues and (said := visible[cues[-1].end() :].split("\n", 1)[0].strip(_MARKUP)):
        return Extracted(said.removesuffix("."))
    if cut_off:
        return Extracted(None, "cut_off")
    return Extracted(None, "no_answer") if "\n" in visible else Extracted(visible.strip(_MARKUP))


def _readable(text: str) -> tuple[str, Problem]:
    if not text.strip():
        return "", "empty"
    visible = visible_text(text)
    return (visible, "") if visible else ("", "only_thinking")


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


def _bare(text: str) -> str:
    """A text without markup around it, in lower case: ``(**B**).`` -> ``b``."""
    text = re.sub(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}", r"\1", text)
    return text.strip(_MARKUP + "()[]{}.,:;!").lower()


def _label_names(labels: Sequence[str]) -> dict[str, str]:
    """Names, in lower case -> label; synonyms of yes and no join when every label is one of these."""
    names = {label.lower(): label for label in labels}
    for meaning in (_YES, _NO):
        mine = [label for label in labels if label.lower() in meaning]
        if len(mine) == 1 and len(labels) == 2 and set(names) <= _YES | _NO:
            names |= dict.fromkeys(meaning - names.keys(), mine[0])
    return names


def _marked_or_mentioned(text: str, pattern: re.Pattern[str], names: Mapping[str, str], *, cut_off: bool) -> Extracted:
    words = "|".join(re.escape(name) for name in names)
    cues = list(_CUE.finditer(text))
    starts = [pattern.match(text, cues[-1].end())] if cues else []
    for found in (*starts, pattern.match(text)):
        if found and not _alternative(text, found.end(), f"(?:{words})"):
            return Extracted(names[found["name"].lower()])
    if cut_off:
        return Extracted(None, "cut_off")
    return _only_mentioned(text, pattern, names)


def _only_mentioned(text: str, pattern: re.Pattern[str], names: Mapping[str, str]) -> Extracted:
    found = list(pattern.finditer(text))
    answers = {names[one["name"].lower()] for one in found}
    if len(answers) > 1:
        return Extracted(None, "ambiguous")
    if not found:
        return Extracted(None, "no_answer")
    if any(_NEGATION.search(text[: one.start("name")]) for one in found):
        return Extracted(None, "ambiguous")
    return Extracted(answers.pop())


def _marked_letter(text: str, letters: str, *, in_box: bool) -> str | None:
    """The letter after the last "answer is", else the one that ``text`` begins with, as ``B.`` or ``(B)``."""
    cues = [] if in_box else list(_CUE.finditer(text))
    cued = re.compile(rf"{_FILLER}(?P<name>[{letters}])(?![\w'’])").match(text, cues[-1].end()) if cues else None
    start = re.match(
        rf"{_FILLER}(?P<name>[{letters}])(?:\s*[.):,\]}}*\"”’]|\s*\Z|\s+[-–—])",
        text,
    )
    for found in (cued, start):
        if found and not _alternative(text, found.end("name"), f"[{letters}]"):
            return found["name"] if found is cued or not _lists_choices(text, letters, found["name"]) else None
    return None


def _lists_choices(text: str, letters: str, first: str) -> bool:
    """Whether lines begin with other letters too: the choices are repeated, not chosen from."""
    return bool(set(re.findall(rf"^[\s*_(\-]*([{letters}])[.):]", text, re.MULTILINE)) - {first})


def _only_letter(text: str, letters: str) -> Extracted:
    """The only capital that stands alone; ``A`` and ``I`` need a bracket, a mark or an alternative behind them."""
    found = re.findall(rf"(?<![\w'’])([{letters}])(?![\w'’])(?=(\s*[).:\]/]|\s+(?:or|and)\s+[{letters}]\b)?)", text)
    answers = {letter for letter, mark in found if letter not in "AI" or mark}
    if len(answers) == 1:
        return Extracted(answers.pop())
    return Extracted(None, "ambiguous" if answers else "no_answer")


def _alternative(text: str, end: int, name: str) -> bool:
    """Whether another name follows as an alternative: ``yes or no``, ``A/B``."""
    return (
        re.match(rf"[\s*_\"')\]]*(?:\bor\b|/|\band\b|,)\s*[\"'(*_]*{name}(?!\w)", text[end:], re.IGNORECASE) is not None
    )


def _number(number: Number | None) -> Extracted:
    return Extracted(None, "no_answer") if number is None else Extracted(written(number))
