"""Prove facts about a source from its first tokens, without a syntax tree.

The facts: it is documented, it shows signs of idiom, its first item is not a test.

Parsing costs ten times what a filter by regular expressions costs, and most rows are decided by a `pub fn` under a doc
comment near the top. So the tokens are looked at from the beginning, comments, strings, characters and lifetimes told
apart, until enough is seen; at the first thing that only a parser understands (a macro call with code in it, a block
comment, a raw string) the look ends. What is seen is what the tree would say (a test compares them); what is not seen
proves nothing, and then the tree is asked. Of a source with syntax errors the tree may have lost what is seen here.
"""

from __future__ import annotations

import re

# Every alternative begins with a literal, so that the search skips all other characters at once.
_TOKEN = re.compile(
    r"""
    /(?:(?P<doc>//(?!/)[^\n]*+|/![^\n]*+)|/[^\n]*+|(?P<block>\*))
  | "(?<![r\#]")[^"\\]*+(?:\\.[^"\\]*+)*+"
  | '(?:\\.[^'\n]*+'|[^\\'\n]'|[A-Za-z_]\w*+)
  | p(?<!\wp)ub(?:\((?:crate|super|self)\))?\s+(?P<public_item>(?=(?:(?:async|unsafe|const)\s+)*
    (?:fn|struct|enum|trait|mod)\s+\w))
  | f(?<!\wf)n\s+\w+(?:<[^<>()]*>)?\([^()"']*\)\s*->\s*(?:\w+::)*(?:(?P<result>Result\b)|(?P<option>Option\b))
  | i(?<!\wi)mpl\b[^{};"'/()=!]*?\sfor\s+(?P<trait_impl>[A-Z])
  | \#\[derive(?P<derive>\()
  | \.(?:map|and_then|expect|unwrap_or)\w*+(?P<combinators>\(|::<)
  | !(?<!\#!)\s*\((?:[^()"'/\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"|\([^()"'/\[\]{}]*+\))*+\)
  | !(?<!\#!)\s*(?P<macro>[({\[])
  | "(?P<raw>)
  | '(?P<open>)
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDS = frozenset({"block", "macro", "raw", "open"})
_FOREIGN = ("extern", "macro")
"""Words after which a ``pub fn`` may be something else."""
_PREAMBLE = re.compile(
    r"(?:\s++|//[^\n]*+|\#!?\[[^\]\"]*+\]|use\b[^;\"'/]*+;)*+"
    r"(?:pub|fn|struct|enum|impl|trait|mod|const|static|type|async|unsafe)\b"
)


class Glance:
    """Scans a source only as far as needed, and never twice."""

    def __init__(self, source: str) -> None:
        places = [place for place in map(source.find, _FOREIGN) if place >= 0]
        self._tokens = _TOKEN.finditer(source, 0, min(places, default=len(source)))
        self._families: set[str] = set()
        self._documented = False

    def shows(self, families: int) -> bool:
        """Return whether this many families of idiom are seen."""
        while len(self._families) < families and self._next():
            pass
        return len(self._families) >= families

    def is_documented(self) -> bool:
        """Return whether a doc comment is seen."""
        while not self._documented and self._next():
            pass
        return self._documented

    def _next(self) -> bool:
        for token in self._tokens:
            match token.lastgroup:
                case None:
                    continue
                case "doc":
                    self._documented = True
                case kind if kind in _ENDS:
                    self._tokens = iter(())
                    return False
                case kind:
                    self._families.add(kind)
            return True
        return False


def begins_unmarked(source: str, marks: re.Pattern[str]) -> bool:
    """Return whether an unmarked first item is seen: then not every item is marked."""
    preamble = _PREAMBLE.match(source)
    return preamble is not None and marks.search(source, 0, preamble.end()) is None
