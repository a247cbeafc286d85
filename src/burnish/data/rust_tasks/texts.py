"""Compose tasks on strings: characters by class, and words, each with filter x mapping x reduction."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

from burnish.data.rust_tasks.draft import FUNCTION_NAMES, TEXT_NAMES, Draft, Head, function_draft
from burnish.data.rust_tasks.values import Char, Some, Value

ALPHABET = "aeioubcdrstzAEBCRT0123579  .-"
LETTERS = "aeioubcdnrst"


@dataclass(frozen=True)
class TextPart:
    """A class of characters or words: its words after the noun, its Rust, and its Python."""

    key: str
    phrase: str
    rust: str
    holds: Callable[[str], bool]


def draw_text(rng: random.Random) -> tuple[Value, ...]:
    """Draw printable ASCII with letters of both cases, digits, blanks and two signs; sometimes empty."""
    length = 0 if rng.random() < 0.1 else rng.randint(3, 12)
    return ("".join(rng.choice(ALPHABET) for _ in range(length)),)


def _draw_character_class(rng: random.Random) -> TextPart:
    """Draw a class with Rust for ``c: char``."""
    letter = rng.choice(LETTERS)
    return rng.choice(
        (
            TextPart("vowel", "lowercase vowels", '"aeiou".contains(c)', lambda c: c in "aeiou"),
            TextPart("digit", rng.choice(("digits", "ASCII digits")), "c.is_ascii_digit()", lambda c: c.isdigit()),
            TextPart("upper", "uppercase letters", "c.is_ascii_uppercase()", lambda c: c in string.ascii_uppercase),
            TextPart("lower", "lowercase letters", "c.is_ascii_lowercase()", lambda c: c in string.ascii_lowercase),
            TextPart("letter", "letters", "c.is_ascii_alphabetic()", lambda c: c in string.ascii_letters),
            TextPart("blank", "whitespace characters", "c.is_whitespace()", lambda c: c == " "),
            TextPart("sign", "punctuation characters", "c.is_ascii_punctuation()", lambda c: c in ".-"),
            TextPart("same", f"characters equal to '{letter}'", f"c == '{letter}'", lambda c: c == letter),
            TextPart("not-vowel", "characters other than lowercase vowels", '!"aeiou".contains(c)',
                     lambda c: c not in "aeiou"),
            TextPart("not-digit", "characters other than digits", "!c.is_ascii_digit()", lambda c: not c.isdigit()),
            TextPart("not-blank", "characters other than whitespace", "!c.is_whitespace()", lambda c: c != " "),
            TextPart("not-same", f"characters other than '{letter}'", f"c != '{letter}'", lambda c: c != letter),
        )
    )  # fmt: skip


CASES: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "same": ("", "", lambda c: c),
    "to-upper": (" in uppercase", ".map(|c| c.to_ascii_uppercase())", str.upper),
    "to-lower": (" in lowercase", ".map(|c| c.to_ascii_lowercase())", str.lower),
}


def draw_characters(rng: random.Random) -> Draft:
    """Draw a task that collects, counts, finds or tests the characters of one class."""
    part = _draw_character_class(rng)
    name, parameter = rng.choice(FUNCTION_NAMES), rng.choice(TEXT_NAMES)
    case = rng.choice(sorted(CASES))
    case_phrase, case_rust, convert = CASES[case]
    reverse = rng.random() < 0.35
    ending = rng.choice(("collect", "collect", "count", "find", "any", "all"))
    by_reference = f"|&c| {part.rust}" if "c." not in part.rust else f"|c| {part.rust}"
    chain = f"{parameter}.chars()"
    kept: Callable[[str], list[str]] = lambda text: [c for c in text if part.holds(c)]  # noqa: E731
    if ending == "collect":
        order = ", in reverse order" if reverse else ""
        purpose = f"returns a string of the {part.phrase}{case_phrase}{order}"
        body = f"{chain}{'.rev()' if reverse else ''}.filter({by_reference}){case_rust}.collect()"
        oracle: Callable[[str], Value] = lambda t: convert("".join(kept(t)[::-1] if reverse else kept(t)))  # noqa: E731
        returns, combination = "String", f"chars/{part.key}/{case}/{'reverse' if reverse else 'forward'}/collect"
    elif ending == "count":
        purpose = rng.choice((f"returns the number of {part.phrase}", f"counts the {part.phrase}"))
        body, returns = f"{chain}.filter({by_reference}).count()", "usize"
        oracle, combination = (lambda t: len(kept(t))), f"chars/{part.key}/count"
    elif ending == "find":
        which = "last" if reverse else "first"
        purpose = f"returns the {which} of the {part.phrase}{case_phrase}, if any"
        body, returns = f"{chain}.{'rfind' if reverse else 'find'}({by_reference}){case_rust}", "Option<char>"
        oracle = lambda t: Some(Char(convert(kept(t)[-1 if reverse else 0]))) if kept(t) else None  # noqa: E731
        combination = f"chars/{part.key}/{case}/{which}/find"
    else:
        subject = "there are" if ending == "any" else "all characters are"
        purpose = f"{rng.choice(('tells', 'returns', 'checks'))} whether {subject} {part.phrase}"
        body, returns = f"{chain}.{ending}(|c| {part.rust})", "bool"
        check = any if ending == "any" else all
        oracle, combination = (lambda t: check(part.holds(c) for c in t)), f"chars/{part.key}/{ending}"
    return function_draft(
        combination=combination,
        level=2 if ending == "collect" and (reverse or case != "same") else 1,
        head=Head(name, ((parameter, "&str"),), returns),
        purpose=f"{purpose} in `{parameter}`" if ending in ("any", "count") else f"{purpose}, from `{parameter}`",
        body=body,
        draw=draw_text,
        oracle=oracle,
    )


def draw_sentence(rng: random.Random) -> tuple[Value, ...]:
    """Draw up to five short words with one or two blanks between."""
    words = ["".join(rng.choice("aeioubcdnrstAT") for _ in range(rng.randint(1, 6))) for _ in range(rng.randint(0, 5))]
    return (rng.choice((" ", "  ")).join(words),)


def _draw_word_class(rng: random.Random) -> TextPart:
    """Draw a class with Rust for ``w: &str`` or ``&&str``."""
    letter, k = rng.choice(LETTERS), rng.randint(1, 5)
    return rng.choice(
        (
            TextPart("longer", f"words longer than {k}", f"w.len() > {k}", lambda w: len(w) > k),
            TextPart("shorter", f"words shorter than {k + 1}", f"w.len() < {k + 1}", lambda w: len(w) < k + 1),
            TextPart("length", f"words of length {k}", f"w.len() == {k}", lambda w: len(w) == k),
            TextPart("starts", f"words that start with '{letter}'", f"w.starts_with('{letter}')",
                     lambda w: w.startswith(letter)),
            TextPart("ends", f"words that end with '{letter}'", f"w.ends_with('{letter}')",
                     lambda w: w.endswith(letter)),
            TextPart("contains", f"words that contain '{letter}'", f"w.contains('{letter}')", lambda w: letter in w),
            TextPart("without", f"words without '{letter}'", f"!w.contains('{letter}')", lambda w: letter not in w),
        )
    )  # fmt: skip


WORD_FORMS: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "same": ("", "w.to_string()", lambda w: w),
    "upper": (" in uppercase", "w.to_uppercase()", str.upper),
    "lower": (" in lowercase", "w.to_lowercase()", str.lower),
    "backwards": (", each reversed,", "w.chars().rev().collect()", lambda w: w[::-1]),
}
SEPARATORS = {"dash": "-", "comma": ",", "plus": "+", "colon": ":"}


def draw_words(rng: random.Random) -> Draft:
    """Draw a task that collects, joins, counts or measures the words of one class."""
    part = _draw_word_class(rng)
    name, parameter = rng.choice(FUNCTION_NAMES), rng.choice(TEXT_NAMES)
    form = rng.choice(sorted(WORD_FORMS))
    form_phrase, form_rust, convert = WORD_FORMS[form]
    chain = f"{parameter}.split_whitespace().filter(|w| {part.rust})"
    kept: Callable[[str], list[str]] = lambda text: [w for w in text.split() if part.holds(w)]  # noqa: E731
    ending = rng.choice(("collect", "join", "count", "lengths", "longest"))
    oracle: Callable[[str], Value]
    if ending == "collect":
        purpose, returns = f"returns a vector of the {part.phrase}{form_phrase}".rstrip(","), "Vec<String>"
        body, oracle = f"{chain}.map(|w| {form_rust}).collect()", lambda t: [convert(w) for w in kept(t)]
    elif ending == "join":
        separator_name = rng.choice(sorted(SEPARATORS))
        separator = SEPARATORS[separator_name]
        purpose, returns = f'joins the {part.phrase}{form_phrase} with "{separator}"', "String"
        body = f'{chain}.map(|w| {form_rust}).collect::<Vec<String>>().join("{separator}")'
        oracle = lambda t: separator.join(convert(w) for w in kept(t))  # noqa: E731
    elif ending == "count":
        form, purpose, returns = "same", f"returns the number of {part.phrase}", "usize"
        body, oracle = f"{chain}.count()", lambda t: len(kept(t))
    elif ending == "lengths":
        form, purpose, returns = "same", f"returns the sum of the lengths of the {part.phrase}", "usize"
        body, oracle = f"{chain}.map(|w| w.len()).sum()", lambda t: sum(len(w) for w in kept(t))
    else:
        form, purpose, returns = (
            "same",
            f"returns the length of the longest of the {part.phrase}, if any",
            "Option<usize>",
        )
        body = f"{chain}.map(|w| w.len()).max()"
        oracle = lambda t: Some(max(len(w) for w in kept(t))) if kept(t) else None  # noqa: E731
    return function_draft(
        combination=f"words/{part.key}/{form}/{ending}",
        level=2 if form != "same" or ending == "join" else 1,
        head=Head(name, ((parameter, "&str"),), returns),
        purpose=purpose,
        body=body,
        draw=draw_sentence,
        oracle=oracle,
    )
