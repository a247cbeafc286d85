"""Find bare code between words: ``Here it is.``, a blank line, the program, ``It adds both.``

Whole lines of words before the first item and behind the last are left out; a line that could be code (it ends in
``;``, ``{`` or ``}``) is kept, so nothing is cut to make a program compile.

Not covered: words between two items.
"""

from __future__ import annotations

import re

from burnish.syntax.source import is_program
from burnish.verify.reading.source import tree

_ITEM = re.compile(
    r"""[ ]{0,3}(?:
        \#!?\[ | //[/!] | /\*
      | (?:pub(?:\([a-z:\s]+\))?\s++)?
        (?: (?:(?:unsafe|async|const|default|extern(?:\s++"[^"\n]*")?)\s++){0,4} fn\s++(?:r\#)?\w++\s*+[<(]
          | (?:unsafe\s++)?(?:struct|enum|union|trait|mod)\s++\w++\s*+(?:[<({;:]|where\b|$)
          | (?:unsafe\s++)?impl\b\s*+[<\w&(\[]
          | use\s++[\w:{*]+\s*+(?:::|;|\{|as\b)
          | type\s++\w++.*=
          | (?:const|static)\s++(?:mut\s++)?\w++\s*+:
          | (?:unsafe\s++)?extern\s++(?:crate\b|"[^"\n]*"\s*+\{)
          | macro_rules!\s )
      | thread_local!\s*+[{(]
    )""",
    re.VERBOSE,
)
_CALL = re.compile(r"\w++(?:::\w++){0,8}!")
"""Matches a macro call that may make items."""
_ENDS_CODE = re.compile(r"[;{}][ \t]*(?://.*)?$")
_LISTED = re.compile(r"[ \t]*(?:[-*+>]|\#{1,6}|\d{1,3}[.)])[ \t]")
"""Matches a list, a heading or a quote of Markdown: words, whatever they end in."""


def begins_as_code(text: str) -> bool:
    """Return whether the first line could be code. Parsing words as code costs a hundred times as much."""
    start = len(text) - len(text.lstrip())
    end = text.find("\n", start)
    line = text[start : end if end >= 0 else len(text)]
    return line.startswith(("//", "/*", "#")) or _ITEM.match(line) is not None or _CALL.match(line) is not None


def code_in_prose(text: str) -> str | None:
    """Return the program between the words of ``text``; None if there are none, or no program."""
    lines = text.split("\n")
    start = first_item(lines)
    if start is None:
        return None
    end = next((at for at in range(len(lines) - 1, start, -1) if _may_be_code(lines[at])), start)
    code = "\n".join(lines[start : end + 1])
    return code + "\n" if is_program(tree(code)) else None


def first_item(lines: list[str]) -> int | None:
    """Return the first line that begins an item; None if there may be code before it."""
    for number, line in enumerate(lines):
        if _ITEM.match(line):
            return number
        if _may_be_code(line):
            return None
    return None


def _may_be_code(line: str) -> bool:
    return _ENDS_CODE.search(line) is not None and _LISTED.match(line) is None
