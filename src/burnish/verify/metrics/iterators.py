"""Count iterator chains: method chains that get an iterator and continue with it.

A chain counts when it has a method that only iterators have (``enumerate``, ``fold``, ``collect``, ...), or when
something that makes an iterator (``iter``, ``chars``, a range, ``iter::repeat``) is followed by a method that
``Option`` has too (``map``, ``filter``, ...). Turbofish on ``collect`` makes no difference.

Not covered: chains inside macro arguments, iterators kept in variables and used with ``map`` alone.
"""

from __future__ import annotations

from burnish.syntax.source import text_of
from burnish.syntax.survey import Chain, SyntaxIndex

_SOURCES = frozenset(
    {
        "iter", "iter_mut", "into_iter", "chars", "char_indices", "bytes", "lines", "split", "split_whitespace",
        "split_terminator", "splitn", "rsplit", "split_at_mut", "windows", "chunks", "chunks_exact", "rchunks", "keys",
        "values", "values_mut", "into_keys", "into_values", "drain", "args",
    }
)  # fmt: skip
_ITERATORS_ONLY = frozenset(
    {
        "enumerate", "fold", "try_fold", "collect", "sum", "product", "filter_map", "flat_map", "take_while",
        "skip_while", "map_while", "scan", "step_by", "peekable", "rev", "chain", "cycle", "count", "any", "all",
        "position", "rposition", "find_map", "max_by", "max_by_key", "min_by", "min_by_key", "partition", "for_each",
        "try_for_each", "unzip", "copied", "cloned", "nth",
    }
)  # fmt: skip
_SHARED = frozenset(
    {
        "map", "filter", "zip", "flatten", "find", "last", "max", "min", "take", "skip", "inspect", "next", "by_ref",
        "sorted", "reduce",
    }
)  # fmt: skip
_AMBIGUOUS = frozenset({"copied", "cloned", "chain", "count", "any", "all", "find", "rev"})
"""Methods of iterators that `Option`, readers or user types have, too: they count only behind a source."""


def iterator_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Return ``iterator_chains`` and the number of methods in the longest."""
    lengths = [len(chain.methods) for chain in index.chains if is_iterator_chain(chain)]
    return {"iterator_chains": len(lengths), "iterator_chain_longest": max(lengths, default=0)}


def is_iterator_chain(chain: Chain) -> bool:
    """Return whether the methods are those of an iterator."""
    if any(name in _ITERATORS_ONLY and name not in _AMBIGUOUS for name in chain.methods):
        return True
    started = _makes_iterator(chain)
    for name in chain.methods:
        if started and (name in _ITERATORS_ONLY or name in _SHARED):
            return True
        started = started or name in _SOURCES
    return False


def _makes_iterator(chain: Chain) -> bool:
    """Return whether an expression is a range, or a function of ``std::iter``."""
    if chain.base.type == "range_expression":
        return True
    function = chain.base.child_by_field_name("function") if chain.base.type == "call_expression" else None
    if function is not None and function.type == "generic_function":
        function = function.child_by_field_name("function")
    path = function.child_by_field_name("path") if function is not None else None
    return path is not None and text_of(path).split("::")[-1] == "iter"
