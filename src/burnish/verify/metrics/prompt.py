"""Measure the share of a prompt's words that occur in the identifiers of a program.

Words are those of the instruction (of the comments, where a prompt is code), in lower case, four letters or more,
without the commonest and without fenced code; each counts once, in numerator and denominator alike. Identifiers are
split at ``_`` and capitals, and a plural ``s`` is ignored. A prompt without words gives no score, not zero.

The share depends on the prompt, so it is added to each verdict and never cached with the program. Not covered:
synonyms.
"""

from __future__ import annotations

import re

from burnish.records import Task
from burnish.syntax.source import parse, text_of, walk
from burnish.syntax.survey import MOST_BYTES

_IDENTIFIERS = frozenset({"identifier", "type_identifier", "field_identifier", "shorthand_field_identifier"})
_WORD = re.compile(r"[A-Za-z]{4,}")
_FENCED = re.compile(r"^(```+|~~~+).*?^\1", re.MULTILINE | re.DOTALL)
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_COMMON = frozenset(
    {
        "that", "this", "with", "from", "into", "what", "when", "where", "which", "will", "would", "should", "must",
        "have", "each", "every", "given", "return", "returns", "returning", "write", "function", "rust", "code",
        "program", "implement", "create", "using", "your", "than", "then", "them", "they", "their", "there", "these",
        "those", "such", "also", "some", "only", "does", "true", "false", "example", "following",
    }
)  # fmt: skip


def prompt_metrics(task: Task, code: str) -> dict[str, float]:
    """Return ``prompt_word_match`` in 0..1, or nothing."""
    words = prompt_words(task)
    root = parse(code) if words and len(code) <= MOST_BYTES else None
    if root is None or root.has_error or not root.named_children:
        return {}
    named = (text_of(node) for node in walk(root) if node.type in _IDENTIFIERS)
    names = {_stem(piece.lower()) for name in named for piece in _PIECE.findall(name)}
    return {"prompt_word_match": len(words & names) / len(words)}


def prompt_words(task: Task) -> set[str]:
    """Return the words to look for."""
    prompt = "\n".join(message.content for message in task.prompt if message.role == "user")
    if not prompt and task.code_prompt is not None:
        comments = (node for node in walk(parse(task.code_prompt)) if node.type in ("line_comment", "block_comment"))
        prompt = "\n".join(text_of(node) for node in comments)
    words = (word.lower() for word in _WORD.findall(_FENCED.sub("", prompt)))
    return {_stem(word) for word in words if word not in _COMMON}


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
