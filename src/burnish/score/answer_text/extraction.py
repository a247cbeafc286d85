r"""Extract the final answer of a model from its text. No other module does so.

    text -> without thinking -> boxed answer | stated answer ("the answer is ...") | bare answer; the last of its kind

The most explicit statement wins. A mark counts only when it holds an answer: a box with a formula is not a letter, and
``#### Step 1`` is not a number. Repeated options are not answers. Letters and labels must be whole words. Several
different answers count as none, and so does a negated one ("not true"). In a truncated text only a marked answer
counts, not a number or label in an unfinished sentence. An unreadable answer is None with its `Problem`, for the caller
to count.

Not covered: whether an answer is right (`classification`, `multiple_choice`, `squad`, `numeric`, `text`); letters of
choices (`answer_text.letters`); Rust code (the verifier extracts it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from burnish.score.answer_text.cues import narrow_statements, negated, statement_places
from burnish.score.answer_text.notation import bare_text
from burnish.score.answer_text.numbers import Number, distance, first_number, last_number, only_number, written
from burnish.score.answer_text.visible import Extracted, boxes, readable

_MARKUP = " \t\r\n*_`\"'“”‘’$#>"
_FILLER = (
    r"(?:\s|[*_`\"'“‘$(\[{:]|\\[(\[]|\\(?:text|textbf|mathrm)\{"
    r"|\b(?:the|a|an|option|choice|label|is|that|it is)\b){0,64}"
)
_YES = frozenset({"yes", "true"})
_NO = frozenset({"no", "false"})
_SHORT = {"y": "yes", "t": "true", "1": "true", "n": "no", "f": "false", "0": "false"}
_SENTENCE_END = re.compile(r"[.!?](?=\s|\Z)")
_TEXT_END = re.compile(r"(?:(?<=[a-z]{3})|(?<=[*_\"”`)\]}$\d]))[.!?](?=\s+[A-Z])")


def extract_label(text: str, labels: Sequence[str], *, cut_off: bool = False) -> Extracted:
    """Extract one of ``labels``, spelled as given there. Where labels mean yes and no, their synonyms count, and in a
    box or alone their initials too."""
    visible, problem = readable(text)
    if problem:
        return Extracted(None, problem)
    names = _label_names(labels)
    word = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    # A piece of a longer word or number is not a label: spam of non-spam, 4 of 4.5
    pattern = re.compile(
        rf"(?<![\w-])(?<!\d[.,/]){_FILLER}(?<![\w-])(?<!\d[.,/])(?P<name>{word})(?!\w|-\w|[.,/]\d)", re.IGNORECASE
    )
    for content in reversed(boxes(visible)):
        if (label := _alone(content, names)) is not None:
            return Extracted(label)
        if (mentioned := _only_mentioned(content, pattern, names)).answer is not None:
            return mentioned
    stated = _stated_label(visible, pattern, names)
    if stated is not None:
        return stated
    return _bare_label(visible, pattern, names, cut_off=cut_off)


def extract_number(text: str, *, cut_off: bool = False, words: bool = False) -> Extracted:
    """Extract a number, as `numbers.written` writes it. The last box with a number wins, then the last "answer is",
    ``A:`` or ``####`` with one, then the last number of the text.

    A number word in a mark is an unreadable answer, unless ``words`` is set.
    """
    visible, problem = readable(text)
    if problem:
        return Extracted(None, problem)
    content = boxes(visible)
    statements = narrow_statements(visible)
    for marks, read in ((content, only_number), (statements, _stated_number)):
        for mark in reversed(marks):
            if not words and _is_number_word(mark):
                return Extracted(None, "no_answer")
            if (number := read(mark, words=words)) is not None:
                return Extracted(written(number))
    if cut_off:
        return Extracted(None, "cut_off")
    # The marked text is not a number; an unmarked number elsewhere is not the answer.
    if any(box.strip(_MARKUP) for box in content) or statements:
        return Extracted(None, "no_answer")
    return _number(only_number(visible, words=words) or last_number(visible))


def extract_text(text: str, *, cut_off: bool = False) -> Extracted:
    """Extract free text: from the last box, otherwise after the last "answer is", otherwise a text of a single line.

    An empty box is not an answer, and neither are several lines without a mark: which part is meant is unknown.
    """
    visible, problem = readable(text)
    if problem:
        return Extracted(None, problem)
    if content := boxes(visible):
        filled = [box for box in content if box.strip(_MARKUP)]
        return Extracted(filled[-1]) if filled else Extracted(None, "no_answer")
    for statement in reversed(narrow_statements(visible, longest=len(visible))):
        line = statement.lstrip().split("\n", 1)[0].rstrip()
        if answer := bare_text(_TEXT_END.split(line, maxsplit=1)[0]):
            return Extracted(answer)
    if cut_off:
        return Extracted(None, "cut_off")
    if "\n" in visible or not (alone := bare_text(visible)):
        return Extracted(None, "no_answer")
    return Extracted(alone)


def _alone(text: str, names: Mapping[str, str]) -> str | None:
    """Return the label that a text is, without markup: ``(**no**).`` -> ``no``."""
    unwrapped = re.sub(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}", r"\1", text)
    bare = unwrapped.strip(_MARKUP + "()[]{}.,:;!").lower()
    return names.get(bare, names.get(_SHORT.get(bare, "")))


def _label_names(labels: Sequence[str]) -> dict[str, str]:
    """Map lower-case names to labels; add synonyms of yes and no when every label is one of these."""
    names = {label.lower(): label for label in labels}
    for meaning in (_YES, _NO):
        mine = [label for label in labels if label.lower() in meaning]
        if len(mine) == 1 and len(labels) == 2 and set(names) <= _YES | _NO:
            names |= dict.fromkeys(meaning - names.keys(), mine[0])
    return names


def _stated_label(text: str, pattern: re.Pattern[str], names: Mapping[str, str]) -> Extracted | None:
    """Read the label of the last statement that has one; alternatives in it are ambiguous."""
    for place in reversed(statement_places(text, broad=True)):
        if match := pattern.match(text, place):
            if _alternative(text, match.end(), names):
                return Extracted(None, "ambiguous")
            return Extracted(names[match["name"].lower()])
    return None


def _bare_label(text: str, pattern: re.Pattern[str], names: Mapping[str, str], *, cut_off: bool) -> Extracted:
    """Read a last line that is a label, otherwise the label that begins the text, otherwise the only one in it."""
    for line in reversed(text.splitlines()):
        if (label := _alone(line, names)) is not None:
            return Extracted(label)
    match = pattern.match(text)
    if match and not _alternative(text, match.end(), names):
        return Extracted(names[match["name"].lower()])
    return Extracted(None, "cut_off") if cut_off else _only_mentioned(text, pattern, names)


def _only_mentioned(text: str, pattern: re.Pattern[str], names: Mapping[str, str]) -> Extracted:
    matches = list(pattern.finditer(text))
    answers = {names[match["name"].lower()] for match in matches}
    if len(answers) > 1:
        return Extracted(None, "ambiguous")
    if not matches:
        return Extracted(None, "no_answer")
    if any(negated(text, match.start("name")) for match in matches):
        return Extracted(None, "ambiguous")
    return Extracted(answers.pop())


def _alternative(text: str, end: int, names: Mapping[str, str]) -> bool:
    """Return whether another label follows as an alternative: ``yes or no``, ``yes/no``."""
    words = "|".join(re.escape(name) for name in names)
    pattern = rf"[\s*_\"')\]]*(?:\bor\b|/|\band\b|,)\s*[\"'(*_]*(?:{words})(?!\w)"
    return re.match(pattern, text[end : end + 300], re.IGNORECASE) is not None


def _stated_number(statement: str, *, words: bool) -> Number | None:
    """Read the number of a statement: all of it, the last side of an equation, otherwise its first number.

    Return None when the statement offers several (``5 or 6``).
    """
    sentence = _sentence(statement)
    if (number := only_number(sentence, words=words)) is not None:
        return number
    sides = sentence.split("=")
    for side in reversed(sides):
        if len(sides) > 1 and (number := only_number(side)) is not None:
            return number
    last = sides[-1] if first_number(sides[-1]) is not None else sentence
    first = first_number(last)
    other = re.search(r"\bor\b(?P<other>.*)", last, re.IGNORECASE)
    second = first_number(other["other"]) if other else None
    return None if first is not None and second is not None and distance(first, second) else first


def _is_number_word(mark: str) -> bool:
    """Return whether a mark begins with a number word; a digit after it is then not the answer."""
    words_first = re.split(r"[\d,;(.!?\n]", mark.strip(), maxsplit=1)[0]
    return only_number(words_first, words=True) is not None


def _sentence(statement: str) -> str:
    return _SENTENCE_END.split(statement.strip().split("\n", 1)[0], maxsplit=1)[0]


def _number(number: Number | None) -> Extracted:
    return Extracted(None, "no_answer") if number is None else Extracted(written(number))
