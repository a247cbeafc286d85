r"""Extract the letter of a choice from a text, most explicit statement first.

    last box that is an answer -> last statement ("the answer is B") -> last line that is a letter alone -> the letter
    that the text begins with -> the only letter mentioned

A box counts when all of it is a letter, a letter with its choice, or the text of one choice, so not the ``E`` of
``\boxed{E = mc^2}``. ``A`` and ``I`` as English words, and small letters, need an end of the clause behind
them.
Not covered: several right letters at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from burnish.score.answer_text.cues import line_at, negated, statement_places
from burnish.score.answer_text.notation import bare_text, same_text
from burnish.score.answer_text.options import mask_options
from burnish.score.answer_text.visible import Extracted, boxes, readable, without_boxes

_FILLER = (
    r"(?:\s|[*_`\"'“‘$(\[{:>]|\\[(\[]|\\(?:text|textbf|mathrm|mathbf|boxed|fbox)\s*\{"
    r"|\b(?:the|an|option|choice|letter|answer|statement|correct|right|best|one|is|that|it is|clearly|definitely"
    r"|probably|likely|most likely|simply|indeed|therefore|thus|of course|again)\b(?!['’-])){0,64}"
)
_OPERATOR = r"(?!\s*(?:=|\^|_\{|[+<>≤≥∪∩×]|\\(?![)\]]|text|quad|[ ,;])))"
_WORD_END = r"(?![\w'’]|-\w|\.\w\.|\?\w)"
_OPERAND = re.compile(r"(?:[=^+<>≤≥∪∩×]|\\(?!text|textbf|mathrm|quad)[a-z]+)\s*\Z")
_CLAUSE_END = (
    r"(?=\s*(?:[.:;!?)\]}\"”*_`$|]|\\[)\]]|\n|\Z|[-–—](?:\s|\Z)|\()|,(?!\w)|\s+(?:because|since|due|which|based|given"
    r"|not|and not|rather|instead|is (?:the )?(?:correct|right|best)|[-–—])(?!\w))"
)
_VERBS = (
    r"\b(?:choose|chose|pick|picked|select|selected|go(?:ing)? (?:with|for)|went with|opt for|settle on|guess|say"
    r"|vote for|answer with|answer)\b[ \t*_]*:?"
)
_CONNECTIVES = r"\b(?:therefore|thus|hence|so|it['’]?s|it is|must be|that['’]?s|leaves|leaving|can only be)\b[ \t,:*_]*"
_BLANKS = re.compile(r"\s*")
_LATEX_WRAP = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox|boldsymbol|textit)\s*\{([^{}]*)\}")
_LATEX_SPACE = re.compile(r"\\[ ,;:!]|\\q?quad|~")
_LEAD = re.compile(
    r"(?:(?:the|my|final|correct|right|best)\s+){0,8}(?:answer|option|choice|letter)\b\s*(?:is|[:=])?\s*", re.IGNORECASE
)


def extract_choice(text: str, choices: Mapping[str, str], *, cut_off: bool = False) -> Extracted:
    """Extract the letter of one of ``choices`` (label -> text); the whole text of exactly one choice counts too."""
    visible, problem = readable(text)
    if problem:
        return Extracted(None, problem)
    for content in reversed(boxes(visible)):
        if (label := _whole(content, choices)) is not None:
            return Extracted(label)
    visible = without_boxes(visible)  # a formula in a box does not name a choice
    open_text = mask_options(visible, choices, cut_off=cut_off)
    if (stated := _last_statement(open_text, choices)) is not None:
        return stated
    if open_text == visible and (label := _whole(visible, choices)) is not None:
        return Extracted(label)
    alone = _line_alone(open_text, choices) or _at_start(open_text, choices)
    if alone is not None:
        return alone
    return Extracted(None, "cut_off") if cut_off else _only_letter(open_text, choices)


def _whole(text: str, choices: Mapping[str, str]) -> str | None:
    """Return the choice that equals ``text``: its letter, its letter and text, or its text."""
    bare = _plain(text)
    for candidate in dict.fromkeys((bare, _LEAD.sub("", bare, count=1))):
        if (label := _one_of(candidate, choices)) is not None:
            return label
        letter = re.match(
            rf"\(?([{_class(choices)}])(?:\s*[).:]+|\s*\)?\s+[-–—])\s*(?P<rest>\S.*)", candidate, re.S | re.I
        )
        if letter and not re.match(
            rf"[=^_+*/<>\\-]|\(?[{_class(choices)}]\)?\s*(?:\Z|[,(&/]|and\b|or\b)", letter["rest"], re.I
        ):
            return letter[1].upper()
        spaced = re.match(rf"([{_class(choices)}])\s+(?P<rest>\S.*)", candidate, re.S)
        if spaced and _bare(spaced["rest"]) == _bare(_plain(choices[spaced[1]])):
            return spaced[1]
    return None


def _one_of(bare: str, choices: Mapping[str, str]) -> str | None:
    """Return a letter that stands alone, otherwise the only choice with this text.

    Case counts only where it has to: of the genotypes ``RR`` and ``Rr`` each is its own.
    """
    wanted = _bare(bare)
    for same in (
        [label for label in choices if label.lower() == wanted],
        [label for label, choice in choices.items() if bare == _plain(choice)],
        [label for label, choice in choices.items() if wanted == _bare(_plain(choice))],
        [label for label, choice in choices.items() if choice.strip() and wanted and same_text(choice, bare)],
    ):
        if len(same) == 1:
            return same[0]
    return None


def _plain(text: str) -> str:
    return bare_text(_LATEX_SPACE.sub(" ", _LATEX_WRAP.sub(r"\1", text)))


def _bare(text: str) -> str:
    """Lower the case, and remove brackets around the text and an article before it."""
    return re.sub(r"^(?:the|an?)\s+(?=\S)", "", text.strip(" ()[]{}.,:;!*_`\"'“”‘’$#").lower())


def _class(choices: Mapping[str, str]) -> str:
    return "".join(re.escape(label) for label in choices)


def _last_statement(text: str, choices: Mapping[str, str]) -> Extracted | None:
    """Read the last statement that can be read; several letters in it are ambiguous."""
    statements = sorted(
        [*_cued(text, choices), *_declared(text, choices), *_chosen(text, choices)], key=lambda statement: statement[0]
    )
    return statements[-1][1] if statements else None


def _cued(text: str, choices: Mapping[str, str]) -> Iterator[tuple[int, Extracted]]:
    for place in statement_places(text, broad=True):
        if (letter := _letter_at(text, place, choices)) is not None:
            yield place, letter
            continue
        line = line_at(text, _behind_blanks(text, place))
        for part in (line, re.split(r"[.!?](?=\s|\Z)", line, maxsplit=1)[0]):
            if (label := _whole(part, choices)) is not None:
                yield place, Extracted(label)
                break
        else:
            if (label := _begins_with_choice(line, choices)) is not None:
                yield place, Extracted(label)


def _behind_blanks(text: str, place: int) -> int:
    match = _BLANKS.match(text, place)
    return place if match is None else match.end()


def _letter_at(text: str, place: int, choices: Mapping[str, str]) -> Extracted | None:
    """Read the letter after a cue: a capital that is not an English word, or any letter that ends its clause."""
    letters = _class(choices)
    strong = "".join(re.escape(label) for label in choices if label not in "AI")
    patterns = [rf"{_FILLER}(?P<name>[{letters}{letters.lower()}]){_WORD_END}{_OPERATOR}{_CLAUSE_END}"]
    if strong:
        patterns.append(rf"{_FILLER}(?P<name>[{strong}]){_WORD_END}{_OPERATOR}")
    for pattern in patterns:
        if match := re.compile(pattern).match(text, place):
            if _own_text_of_other(line_at(text, match.start("name")), choices):
                return None  # "A cat" where "a cat" is the choice B
            if _alternative(text, match.end("name"), letters):
                return Extracted(None, "ambiguous")
            return Extracted(match["name"].upper())
    return None


def _own_text_of_other(statement: str, choices: Mapping[str, str]) -> bool:
    line = statement.split("\n", 1)[0]
    return len(line) > 2 and line[1] == " " and _one_of(bare_text(line), choices) not in (None, line[0].upper())


def _begins_with_choice(statement: str, choices: Mapping[str, str]) -> str | None:
    """Return the choice whose text begins a statement: ``the answer is Rome, because``. The longest text wins."""
    plain = _bare(_plain(statement).replace("**", ""))
    candidates = [
        (len(own), label)
        for label, choice in choices.items()
        if len(own := _bare(_plain(choice))) > 2 and re.match(rf"{re.escape(own)}(?![\w-])", plain)
    ]
    return max(candidates)[1] if candidates else None


def _declared(text: str, choices: Mapping[str, str]) -> Iterator[tuple[int, Extracted]]:
    """Yield letters that are declared right: ``Option B is correct``, ``(C) is the right answer``."""
    pattern = re.compile(
        rf"(?<![\w'’-])[*_(]*(?P<name>[{_class(choices)}])[*_)]*\s+"
        r"(?:is|must be|would be|seems|appears to be|has to be)\s+"
        r"(?:(?:the|clearly|definitely|therefore|thus|indeed|most likely|probably|our|my)\s+)*[*_]*"
        r"(?:only\s+|most\s+)?(?:correct|right|best|answer|appropriate|suitable|accurate|likely)\b"
    )
    for match in pattern.finditer(text):
        statement = text[max(0, match.start() - 60) : match.start()]
        before = re.search(r"\b(?:or|and|nor|neither)\s+(?:option\s+|choice\s+)?[*_(]*\Z", statement, re.I)
        if not before and not negated(text, match.start()):
            yield match.end(), Extracted(match["name"])


def _chosen(text: str, choices: Mapping[str, str]) -> Iterator[tuple[int, Extracted]]:
    """Yield letters that are chosen: ``I choose D``, ``so it must be B.``."""
    letters = _class(choices)
    chosen = re.compile(rf"{_VERBS}{_FILLER}(?P<name>[{letters}]){_WORD_END}{_OPERATOR}{_CLAUSE_END}", re.IGNORECASE)
    hence = re.compile(
        rf"{_CONNECTIVES}{_FILLER}(?P<name>[{letters}]){_WORD_END}{_OPERATOR}(?=[*_)\"”'’\]}}$`]*(?:[.!](?:\s|\Z)|\s*\Z|\s*\n))",
        re.IGNORECASE,
    )
    for pattern in (chosen, hence):
        for match in pattern.finditer(text):
            if not match["name"].isupper() or negated(text, match.start()) or negated(text, match.start("name")):
                continue
            several = _alternative(text, match.end("name"), letters)
            yield match.end(), Extracted(None, "ambiguous") if several else Extracted(match["name"])
    for verb in re.finditer(_VERBS, text, re.IGNORECASE):
        line = line_at(text, verb.end())
        if (label := _begins_with_choice(line, choices)) is not None and not negated(text, verb.start()):
            yield verb.end(), Extracted(label)


def _line_alone(text: str, choices: Mapping[str, str]) -> Extracted | None:
    """Return the letter of a last line that holds only a letter, or a letter with its own choice."""
    for line in reversed(text.splitlines()):
        bare = _plain(line.strip(" \t#>-•"))
        letter = re.fullmatch(rf"[(\[]*([{_class(choices)}])[)\].:]*", bare, re.IGNORECASE)
        if letter:
            return Extracted(letter[1].upper())
        named = re.fullmatch(rf"[(\[]*([{_class(choices)}])[)\].:,]*[*_]*\s*(?:[-–—]\s)?\s*(?P<rest>\S.*)", bare)
        if named and _bare(named["rest"]) == _bare(_plain(choices[named[1]])):
            return Extracted(named[1])
    return None


def _at_start(text: str, choices: Mapping[str, str]) -> Extracted | None:
    """Return the letter that begins the text, as ``B.``, ``(B)`` or ``B -``."""
    letters = _class(choices)
    ending = r"(?:\s*[.):\]}*\"”’]|\s*,|\s*\Z|\s*\n|\s+(?:[-–—]|because\b|since\b))"
    match = re.match(rf"{_FILLER}(?P<name>[{letters}]){_WORD_END}{_OPERATOR}{ending}", text)
    if not match or _alternative(text, match.end("name"), letters):
        return None
    if match["name"] == "I" and re.match(r"\s*,", text[match.end("name") :]):
        return None  # "I, for one, ..."
    return Extracted(match["name"])


def _only_letter(text: str, choices: Mapping[str, str]) -> Extracted:
    """Return the only capital that stands alone; ``A`` and ``I`` need a bracket, a mark or an alternative
    behind them."""
    letters = _class(choices)
    pattern = re.compile(
        rf"(?<![\w'’=^+\\-])(?P<name>[{letters}]){_WORD_END}{_OPERATOR}(?=(?P<mark>\s*[).:\]/]|\s+(?:or|and|&)\s+[{letters}]\b)?)"
    )
    matches = [
        match
        for match in pattern.finditer(text)
        if (match["name"] not in "AI" or match["mark"])
        and not _OPERAND.search(text[max(0, match.start() - 60) : match.start()])
    ]
    answers = {match["name"] for match in matches}
    if len(answers) == 1 and not any(
        negated(text, match.start()) or _refused(text, match.end("name")) for match in matches
    ):
        return Extracted(answers.pop())
    return Extracted(None, "ambiguous" if answers else "no_answer")


def _refused(text: str, end: int) -> bool:
    return (
        re.match(
            r"[*_)\"”]*\s+(?:is|are|was|seems|cannot|can't|isn['’]t)\s*(?:\w+ly\s+)?(?:not|wrong|incorrect|false|be\b|\Z)|[*_)\"”]*\s+(?:isn['’]t|cannot|can['’]t)",
            text[end : end + 100],
            re.I,
        )
        is not None
    )


def _alternative(text: str, end: int, letters: str) -> bool:
    """Return whether another letter follows as an alternative: ``A or B``, ``A/B``, ``A, B``."""
    behind = text[end : end + 300]
    mark = r"[*_\"')\]`$}]*"
    option = rf"(?:option\s+|choice\s+)?[\"'(*_`$]*[{letters}](?!\w|['’])"
    if re.match(
        rf"{mark}\s*(?:\bor\b|/|\band\b|&)\s*(?:(?:maybe|perhaps|possibly|also)\s+)?{option}", behind, re.IGNORECASE
    ):
        return True
    return re.match(rf"{mark}\s*,\s*{option}{mark}\s*(?:,|\bor\b|\band\b|[.)]?\s*(?:\n|\Z))", behind) is not None
