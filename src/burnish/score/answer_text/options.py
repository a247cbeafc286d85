"""Mask lists of options that an answer repeats, since their letters are not answers.

A list is two or more option lines whose letters ascend (``A: Paris``, ``(B) London``, ``| C | Rome |``), two or more
options in one line beginning with the first, or a first option alone behind a line that announces options. A line that
repeats one option behind the list is an answer again. Not covered: options by number or by bullet alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_ANNOUNCED = re.compile(
    r"\b(?:options?|choices|alternatives|candidates|possibilities|possible answers|one by one|each|consider)\b", re.I
)
_CHOSEN = re.compile(r"\b(?:answer (?:is|:)|correct|right|best|choose|pick|select|choice is|option is)\b", re.I)
LETTERS = "ABCDEFGHIJ"


def mask_options(text: str, choices: Mapping[str, str], *, cut_off: bool = False) -> str:
    """Replace the letters (and texts) of repeated options by blanks; the length stays the same.

    ``choices``: label -> text; texts may be empty when unknown.
    """
    letters = "".join(re.escape(label) for label in choices)
    line = re.compile(
        rf"^[ \t>|]*(?:(?:[-*•+]|\d+[.)])[ \t]+)?(?:(?:option|choice)[ \t]+)?[*_`(\[]*(?P<letter>[{letters}])"
        rf"[*_`]*(?:[.:)\]|][*_`]*(?=[ \t*_`\w\"'“‘$\\])|[ \t]+[-–—=|][ \t])[*_` \t]*(?P<rest>\S.*)$",
        re.MULTILINE | re.IGNORECASE,
    )
    option_lines = list(line.finditer(text))
    masked = list(text)
    runs = _ascending(option_lines)
    for run in runs:
        if len(run) > 1 or (run is runs[0] and _announced(text, run[0], choices, cut_off=cut_off)):
            for option in run:
                _blank(masked, option, choices)
    _mask_inline(masked, text, letters, choices)
    return "".join(masked)


def _ascending(option_lines: Sequence[re.Match[str]]) -> list[list[re.Match[str]]]:
    """Group option lines into runs of ascending letters; a repeated option begins a new run."""
    runs: list[list[re.Match[str]]] = []
    for option in option_lines:
        if runs and _letter(option) > _letter(runs[-1][-1]):
            runs[-1].append(option)
        else:
            runs.append([option])
    return runs


def _announced(text: str, option: re.Match[str], choices: Mapping[str, str], *, cut_off: bool) -> bool:
    """Return whether a single option line is a list: options are announced, or the text was truncated in it."""
    if _letter(option) != next(iter(choices)):
        return False
    own = choices[_letter(option)].casefold()
    rest = option["rest"].strip(" *_`.").casefold()
    if cut_off and option.end() >= len(text.rstrip()) and own.startswith(rest):
        return True
    before = text[max(0, option.start() - 1000) : option.start()].rstrip().rsplit("\n", 1)[-1]
    return bool(_ANNOUNCED.search(before)) and not _CHOSEN.search(before)


def _blank(masked: list[str], option: re.Match[str], choices: Mapping[str, str]) -> None:
    end = option.start("rest")
    own = choices[_letter(option)]
    if own and option["rest"].casefold().startswith(own.casefold()):
        end += len(own)
    masked[option.start() : end] = " " * (end - option.start())


def _mask_inline(masked: list[str], text: str, letters: str, choices: Mapping[str, str]) -> None:
    """Mask options in one line, ``A) Paris B) London``, from the first letter on without a gap."""
    label = re.compile(rf"(?<![\w'’.])[*_]{{0,8}}\(?(?P<letter>[{letters}])(?:[).:]|[*_]+[).:])(?=[\s*_])")
    for line in re.finditer(r".+", text):
        expected = list(choices)
        sequence = []
        for option in label.finditer(text, line.start(), line.end()):
            if expected and option["letter"] == expected[0]:
                sequence.append(option)
                expected.pop(0)
        if len(sequence) > 1:
            for option in sequence:
                masked[option.start() : option.end()] = " " * len(option.group())


def _letter(option: re.Match[str]) -> str:
    return option["letter"].upper()
