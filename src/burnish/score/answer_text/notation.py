r"""Remove notation that does not change an answer: markup, quotes, a full stop, LaTeX variants.

``**Paris**.`` is ``Paris``, ``"to be".`` is ``to be``, ``\dfrac12`` is ``\frac{1}{2}``. Signs that may belong to the
answer stay: a quote without its partner (5'), an exclamation mark after a number (5!). Not covered: algebra.
"""

from __future__ import annotations

import re

from burnish.score.answer_text.numbers import distance, only_number

_UNWRAPPED = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox|textit|emph)\s*\{([^{}]*)\}")
_DROPPED = re.compile(r"\\left|\\right|\\[!,;: ]|\$|\^\s*\{?\s*\\circ\s*\}?|°|\s+")
_FRACTION_OF_DIGITS = re.compile(r"\\frac(?:(\d)|\{(\d+)\})(?:(\d)|\{(\d+)\})")
_ROOT_OF_DIGIT = re.compile(r"\\sqrt(\w)")
_LETTER_IN_BRACKETS = re.compile(r"\(([A-Z])\)")
_PAIRS = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "‹": "›", "„": "“"}
_MARKS = " \t\r\n*_`"
_LONGEST_NUMBER = 1000
"""A longer text is no number, with whatever notation."""
_STOPS = re.compile(r"[.;,]+\Z|(?<=[A-Za-z]{2})[!?]+\Z|(?<=[*_`\"”’'»)])[!?]+\Z")


def bare_text(text: str) -> str:
    r"""Remove markup, quotes, ``$`` and a full stop around the text, however they are nested."""
    while True:
        bare = _without_outer(text)
        if bare == text:
            return text
        text = bare


def _without_outer(text: str) -> str:
    """Remove one layer: a final stop, markup, or a pair of quotes, of ``$`` or of LaTeX delimiters."""
    text = _STOPS.sub("", text.strip(_MARKS)) if not _ellipsis(text) else text.strip(_MARKS)
    text = text.strip(_MARKS)
    for opening, closing in (*_PAIRS.items(), ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing):
            inside = text[len(opening) : -len(closing)]
            # `$x$ and $y$` begins and ends with signs of two different formulas: remove nothing
            return text if opening in inside or closing in inside else inside
    if text.count('"') == 1:  # the text is only the begin or end of a quoted sentence
        text = text.strip('"')
    return text.removesuffix("$") if text.count("$") == 1 else text


def _ellipsis(text: str) -> bool:
    return text.rstrip(_MARKS).endswith("...")


def normalise(text: str) -> str:
    """Remove notation that does not change the answer."""
    text = _DROPPED.sub("", _UNWRAPPED.sub(r"\1", bare_text(text)))
    text = re.sub(r"\\[dt]frac", r"\\frac", text)
    text = _FRACTION_OF_DIGITS.sub(lambda part: f"\\frac{{{part[1] or part[2]}}}{{{part[3] or part[4]}}}", text)
    text = _ROOT_OF_DIGIT.sub(r"\\sqrt{\1}", text)
    text = _LETTER_IN_BRACKETS.sub(r"\1", text) if _LETTER_IN_BRACKETS.fullmatch(text) else text
    return text if "\\" in text else text.casefold()


def same_text(right: str, answer: str) -> bool:
    """Return whether two answers are equal apart from notation; numbers are compared by value."""
    if normalise(right) == normalise(answer):
        return True
    if len(answer) > _LONGEST_NUMBER:
        return False
    expected, given = only_number(right), only_number(answer)
    return expected is not None and given is not None and distance(given, expected) == 0
