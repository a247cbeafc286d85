r"""Find where a text states its answer: "the answer is", ``A:``, ``#### 18``, "I choose", and what negates it.

Numbers and free text take the narrow cues alone; letters and labels, which can be told from prose, the broad ones too.
``####`` marks an answer only with a number or a box right behind it; otherwise it is a heading. Not covered: the text
behind a cue (`extraction`, `letters`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from burnish.score.answer_text.numbers import leading_number
from burnish.score.answer_text.options import LETTERS, mask_options

_LINK = r"(?:\b(?:is|are|was|would be|must be|should be|has to be|will be)\b|[:=]|-+>|→|⇒)"
_ABOUT = r"(?:\s+(?:to|of|for|in)\b[^.:=\n]{0,60}?)?"
_MARK = r"[ \t*_]{0,32}"
_NARROW = (
    rf"\b(?:answers?|ans)\b{_ABOUT}{_MARK}\.?{_LINK}|(?:^|\n){_MARK}A{_MARK}:"
    rf"|(?:^|\n)[ \t]*(?:\#{{1,6}}[ \t]*)?[*_]*(?:the[ ])?(?:final[ ])?answer[*_]*[ \t]*(?=\n)"
)
_MOST_STATEMENTS, _LONGEST_STATEMENT = 64, 1000
"""The last statements of a text, and how many characters of each, are looked at."""
_HEADING = re.compile(r"####")
_NOUNS = (
    r"answer|option|choice|response|selection|pick|letter|label|class|classification|category|sentiment|rating|score"
    r"|prediction|verdict|decision|conclusion|output|result|solution|guess"
)
_BROAD = (
    rf"{_NARROW}|\b(?:{_NOUNS})\b{_ABOUT}{_MARK}{_LINK}|\b(?:correct|right|best|final)\b{_MARK}[:=]"
    rf"|\b(?:correct|right|best|final) (?:{_NOUNS})\b[, ]*(?=\()"
)
_NARROW_CUE = re.compile(rf"(?:{_NARROW}){_MARK}[:]?{_MARK}", re.IGNORECASE)
_BROAD_CUE = re.compile(rf"(?:{_BROAD}){_MARK}[:]?{_MARK}", re.IGNORECASE)
_DENIED = re.compile(r"[\s*_]*(?:\w+ly\s+)?not\b", re.IGNORECASE)
_JUDGED = re.compile(
    r"\s*(?:\w+ly\s+|also\s+|indeed\s+)?(?:correct|right|wrong|incorrect|clear|obvious|reasonable|plausible|consistent"
    r"|verified|confirmed)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"(?:\bnot|n't|n’t|\bnever|\bneither|\bnor|\bcannot|\brules? out|\bruled out|\beliminated?|\bexcept)"
    r"[*_]*\s+(?:\w+\s+)?[*_\"'“‘(]*\Z",
    re.IGNORECASE,
)


def line_at(text: str, place: int) -> str:
    """Return the rest of a line from ``place`` on, as far as an answer may reach."""
    return text[place : place + _LONGEST_STATEMENT].split("\n", 1)[0]


def negated(text: str, place: int) -> bool:
    """Return whether the text before ``place`` negates what stands there."""
    return _NEGATION.search(text[max(0, place - 60) : place]) is not None


def narrow_statements(text: str, *, longest: int = _LONGEST_STATEMENT) -> list[str]:
    """Return the texts after each narrow cue, in order, each of at most ``longest`` characters.

    Options, denied answers and opinions about an answer ("the answer is correct") are left out.
    """
    text = mask_options(text, dict.fromkeys(LETTERS, ""))
    places = statement_places(text, broad=False)
    return [text[end : end + longest] for end in places if not _JUDGED.match(text, end)]


def statement_places(text: str, *, broad: bool) -> list[int]:
    """Return the ends of the cues, in order; a negated cue ("is not") has none."""
    pattern = _BROAD_CUE if broad else _NARROW_CUE
    places = {cue.end() for cue in pattern.finditer(text)} | set(_headings(text))
    return sorted(place for place in places if not _DENIED.match(text, place))[-_MOST_STATEMENTS:]


def _headings(text: str) -> Iterator[int]:
    for heading in _HEADING.finditer(text):
        behind = line_at(text, heading.end()).strip(" \t*_:")
        if re.match(r"(?:\\\(|\$)*\s*\\(?:f?boxed|fbox)", behind) or _is_number(behind):
            yield heading.end()


def _is_number(behind: str) -> bool:
    """Return whether a line begins with a number that is not a list marker: ``14``, ``$14 a day``, but not ``1.
    Add``."""
    number = leading_number(behind)
    return number is not None and re.match(r"\s*[.:)]\s*\S|\s*-\s*\w|(?:st|nd|rd|th)\b", number[1]) is None
