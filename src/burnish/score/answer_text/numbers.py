r"""Parse numbers as models write them: signs, thousands, fractions, per cent, units, LaTeX.

`only_number` reads a text that should be one number (what stands in ``\boxed{}``); `last_number` finds the last one in
prose. Values are exact fractions: 0.1 is 1/10. Words (``eighteen``) are parsed only with ``words``.

Thousands may be set apart by commas, blanks, apostrophes, underscores or (two groups and more) by dots.

Not covered: roots, π, ranges, sums, powers, times of the day, numbers with a decimal comma: they are unread, and no
piece of them is a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_PLAIN = (
    r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?"  # 1,000,000.5
    r"|\d{1,2}(?:,\d{2})+,\d{3}(?![\d,])(?:\.\d+)?"  # 10,00,000: lakhs
    r"|\d{1,3}(?:(?:[ '’_]\d{3})+)(?![\d,]|-\w)(?:\.\d+)?"  # 1 000 000, 1'000'000, 1_000_000
    r"|\d{1,3}(?:\.\d{3}){2,}(?![\d.,])"  # 1.000.000; a single dot is a decimal point
    r"|\d+(?:\.\d+)?|\.\d+)"
)
_NUMBER = re.compile(
    rf"(?<![\w.])(?P<sign>(?<![\w)])[-+])?(?:"
    rf"(?P<whole>\d+)\s+(?P<part>[1-9]\d?)\s*/\s*(?P<parts>\d+)"
    rf"|(?P<over>{_PLAIN})\s*/\s*(?P<under>-?{_PLAIN})"
    rf"|(?P<plain>{_PLAIN})(?:[eE](?P<exponent>[-+]?\d+))?"
    rf")(?!\d)(?P<rest>\s*(?:%|per ?cent\b)|\s*(?:thousand|million|billion)\b)?"
)
_TORN_BEFORE = re.compile(r"(?:\d[,:'’-]|[\^_]\s*\{?\s*-?)\Z")
_TORN_AFTER = re.compile(r"[,:'’]\d|-\d|\s*\^")
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_MOST_DIGITS = 400
"""Longer runs of digits come from models that repeat themselves, and are slow to compute with."""

_WRAPPED = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox|boldsymbol|mathit)\s*\{([^{}]*)\}")
_FRACTION = re.compile(
    r"(?P<before>\d)?\\[dtc]?frac\s*(?:\{(?P<over>[^{}]*)\}|(?P<over_digit>\d))\s*"
    r"(?:\{(?P<under>[^{}]*)\}|(?P<under_digit>\d))"
)
_POWER_OF_TEN = re.compile(r"(?:(?<!\s)\s+)?(?:\\times|\\cdot|×|\*)\s*10\s*(?:\^|\*\*)\s*\{?\s*([-+]?\d+)\s*\}?")
_UNIT_POWER = re.compile(r"(?<=[A-Za-z])\s*(?:\^\s*\{?\s*-?\d+\s*\}?|[²³])")
_PER = re.compile(r"(?<=[A-Za-z])\s*/\s*(?=[A-Za-z])")
_DEGREES = re.compile(r"(?:\^|(?<!\s)(?=[\s{\\°]))\s*\{?\s*(?:\\circ|°)\s*\}?|\\degree")
_SPACING = re.compile(r"\\[!,;: ]|\{,\}(?=\d)|(?<=\d)[\u00a0\u2009\u202f](?=\d{3})")
_DROPPED = re.compile(r"\\left|\\right|\\displaystyle|\\[()\[\]]|\\?\$|[£€¥*`]|\\quad|~")
_MOST_WORDS = 64
"""A longer number in words is a model that repeats itself."""
_BLANKS = re.compile(r"\s{32,}")
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_VARIABLE = re.compile(r"[xyznkie](?![a-z])|\\", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """A value as written; ``percent`` says that a per cent sign followed it."""

    value: Fraction
    percent: bool = False


def only_number(text: str, *, words: bool = False) -> Number | None:
    """Parse the number that ``text`` is, apart from units and what stands before the last ``=``."""
    cleaned = _clean(text)
    last = re.split(r"=|≈|\\approx", cleaned)[-1].strip().rstrip(".")
    matches = list(_NUMBER.finditer(last))
    if len(matches) != 1:
        return _word_number(last) if words and not matches else None
    match = matches[0]
    before, after = last[: match.start()], _PER.sub(" ", last[match.end() :])
    if re.search(r"[-+/^×*\\<>]|\d", before + after) or _VARIABLE.match(after) or _ORDINAL.match(after):
        return None
    return _value(match)


def last_number(text: str) -> Number | None:
    """Return the last number in prose, apart from ordinals."""
    cleaned = _clean(text)
    for match in reversed(list(_NUMBER.finditer(cleaned))):
        if not _ORDINAL.match(cleaned, match.end()):
            return None if _torn(cleaned, match) else _value(match)
    return None


def leading_number(text: str) -> tuple[Number, str] | None:
    """Parse the number that begins ``text``; return it with the text after it."""
    cleaned = _clean(text)
    match = _NUMBER.match(cleaned)
    value = _value(match) if match else None
    return None if match is None or value is None else (value, cleaned[match.end() :])


def first_number(text: str) -> Number | None:
    """Return the first number in prose; None when there is none, or when it is part of something else."""
    cleaned = _clean(text)
    match = _NUMBER.search(cleaned)
    return None if match is None or _torn(cleaned, match) else _value(match)


def written(number: Number) -> str:
    """Write a number as text that parses to the same number: ``1/3``, ``-2.5``, ``50%``."""
    value = number.value
    plain = str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
    return plain + ("%" if number.percent else "")


def distance(answer: Number, right: Number) -> Fraction:
    """Return the distance of two numbers. ``50%`` is as near to ``50`` as to ``0.5``, for prompts leave that open."""
    if answer.percent == right.percent:
        return abs(answer.value - right.value)
    hundredth = (answer if answer.percent else right).value / 100
    other = (right if answer.percent else answer).value
    return min(abs(answer.value - right.value), abs(hundredth - other))


def _clean(text: str) -> str:
    text = text.replace("−", "-").replace("–", "-").replace("\\%", "%")
    text = _SPACING.sub(lambda match: "," if match.group() == "{,}" else "", text)
    text = _WRAPPED.sub(r" \1 ", text)
    text = _FRACTION.sub(_written_fraction, text)
    text = _POWER_OF_TEN.sub(r"e\1", text)
    text = _BLANKS.sub(" ", _DROPPED.sub("", text))
    text = _DEGREES.sub(" ", text)
    return _UNIT_POWER.sub("", text).strip()


def _torn(text: str, match: re.Match[str]) -> bool:
    """Return whether the match is part of a time, a range, a power or a number with a decimal comma."""
    before = text[max(0, match.start() - 8) : match.start()]
    return bool(_TORN_BEFORE.search(before) or _TORN_AFTER.match(text, match.end()))


def _written_fraction(match: re.Match[str]) -> str:
    over, under = match["over"] or match["over_digit"] or "", match["under"] or match["under_digit"] or ""
    before = f"{match['before']} " if match["before"] else ""
    return f"{before}{over.strip()}/{under.strip()}"


def _value(match: re.Match[str]) -> Number | None:
    if len(match.group()) > _MOST_DIGITS or abs(int(match["exponent"] or 0)) > _MOST_DIGITS:
        return None
    sign = -1 if match["sign"] == "-" else 1
    try:
        if match["whole"]:
            value = int(match["whole"]) + Fraction(int(match["part"]), int(match["parts"]))
        elif match["over"]:
            value = _plain(match["over"]) / _plain(match["under"])
        else:
            value = _plain(match["plain"]) * Fraction(10) ** int(match["exponent"] or 0)
    except ZeroDivisionError:
        return None
    rest = (match["rest"] or "").strip().lower()
    return Number(sign * value * _SCALES.get(rest, 1), percent=bool(rest) and rest not in _SCALES)


def _plain(text: str) -> Fraction:
    groups = text.count(".") > 1  # 1.000.000
    return Fraction(re.sub(r"[., '’_]" if groups else r"[, '’_]", "", text))


_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: number for number, word in enumerate(_ONES)} | {
    word: 10 * number for number, word in enumerate(_TENS, 2)
}


def _word_number(text: str) -> Number | None:
    """Parse an English cardinal number, with or without a unit: ``minus twenty-one cows``."""
    total, group, seen = 0, 0, False
    tokens = re.findall(r"[a-z]+", text.lower())[:_MOST_WORDS]
    negative = tokens[:1] in (["minus"], ["negative"])
    for token in tokens[1:] if negative else tokens:
        if token in _SMALL:
            group, seen = group + _SMALL[token], True
        elif token == "hundred" and seen:
            group *= 100
        elif token in _SCALES and seen:
            total, group = total + group * _SCALES[token], 0
        elif seen and token != "and":
            break
        elif not seen and token not in ("a", "the", "exactly", "about"):
            return None
    value = total + group
    return Number(Fraction(-value if negative else value)) if seen else None
