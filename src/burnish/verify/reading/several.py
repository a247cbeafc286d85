"""One program of the several blocks that an answer holds.

Pieces join. Of several whole versions the last that parses and holds the entry point counts; of a version that is
replaced in part, what the others name stays. Blocks that are no code (output, a shell, a manifest) do not count, nor
do usage examples: a block that imports from the answer as from a crate, a second ``main``, statements outside of
functions. A block that does not parse never wins over one that does; it stays where the others need what it holds.

Not covered: versions that differ in the names of what they define.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from burnish.syntax.crates import WELL_KNOWN, path_heads
from burnish.syntax.fences import RUST, Block
from burnish.syntax.imports import Import
from burnish.syntax.source import apply_edits, looks_like_code, text_of
from burnish.verify.reading.merge import merge
from burnish.verify.reading.source import Key, Piece, Source, words_of

MOST_BLOCKS = 64
"""Of more blocks the last are looked at."""
_OTHER_LANGUAGES = frozenset(
    {
        "asm", "awk", "bash", "c", "cmake", "console", "cpp", "c++", "cs", "csharp", "csv", "css", "dart", "diff",
        "dockerfile", "elixir", "fish", "go", "haskell", "html", "ini", "java", "javascript", "js", "json", "jsonl",
        "julia", "kotlin", "latex", "lua", "make", "makefile", "mermaid", "nix", "ocaml", "patch", "perl", "php",
        "powershell", "py", "python", "python3", "r", "ruby", "scala", "sh", "shell", "shell-session", "sql", "swift",
        "toml", "ts", "typescript", "wat", "xml", "yaml", "yml", "zig", "zsh",
    }
)  # fmt: skip
_STANDARD = frozenset({"std", "core", "alloc", "proc_macro", "test", "crate", "self", "super", "Self"})
_DEFINITION = re.compile(r"\b(?:fn|struct|enum|union|trait|mod|macro_rules!)\s+(\w+)")


def code_blocks(blocks: Sequence[Block]) -> list[Source]:
    """The blocks that are code, in order: labelled as Rust, or such that items stand in them."""
    sources = []
    for block in [one for one in blocks if one.text.strip()][-MOST_BLOCKS:]:
        if block.language in _OTHER_LANGUAGES:
            continue
        source = Source.of(_without_label(block.text))
        sure = block.language == RUST or source.is_program
        if sure or (block.language == "" and looks_like_code(source.root)):
            sources.append(source)
    return sources


def _without_label(text: str) -> str:
    """Without a label that stands on a line of its own below the fence."""
    first, _, rest = text.lstrip().partition("\n")
    return rest if first.strip().lower() in ("rust", "rs") else text


def choose(sources: Sequence[Source], entry_point: str | None) -> str | None:
    """The program of these blocks; None where there are none."""
    programs = [source for source in sources if source.is_program]
    broken = [source for source in sources if not source.is_program]
    if not programs:
        return _of_broken(broken, entry_point)
    needed = [source for source in broken if _is_needed(source, programs, entry_point)]
    programs = _without_examples(programs, entry_point)
    kept = _without_replaced(programs)
    if needed:
        order = [source for source in sources if source in kept or source in needed]
        return "\n".join(source.text for source in order)
    if len(kept) == 1 and not any(piece.is_prototype for piece in kept[0].pieces):
        return kept[0].text
    return merge(kept, _keeper(kept, entry_point))


def _of_broken(broken: Sequence[Source], entry_point: str | None) -> str | None:
    """The last that has the entry point, else the last that has an item, else the last."""
    asked = [source for source in broken if entry_point is not None and entry_point in _names(source)]
    best = asked or [source for source in broken if looks_like_code(source.root)] or broken
    return best[-1].text if best else None


def _names(source: Source) -> set[str]:
    """What a source defines, also one that does not parse."""
    return set(_DEFINITION.findall(source.text))


def _is_needed(broken: Source, programs: Sequence[Source], entry_point: str | None) -> bool:
    """Whether a block that does not parse holds what the others lack."""
    lacking = _names(broken) - {name for one in programs for _, name in one.keys}
    if entry_point is not None and not any(one.defines(entry_point) for one in programs):
        return entry_point in lacking
    return bool(lacking) and any(lacking & one.words for one in programs)


def _without_examples(programs: list[Source], entry_point: str | None) -> list[Source]:
    """Without blocks that show how the others are used; the only ``main`` stays where no function is asked for."""
    if len(programs) == 1:
        return programs
    holds_entry = entry_point is not None and any(one.defines(entry_point) for one in programs)
    found: list[Source] = []
    has_main = False
    for source in programs:
        others = [one for one in programs if one is not source]
        names = {name for one in others for _, name in one.keys}
        foreign = _own_crate(source, names)
        only_main = source.keys == {("value", "main")}
        asked = source.defines(entry_point) if entry_point is not None else False
        main_elsewhere = any(("value", "main") in one.keys for one in others)
        uses_others = bool(source.words & (names - {"main"}))
        if foreign and not asked and (holds_entry or main_elsewhere or ("value", "main") not in source.keys):
            continue
        if only_main and not asked and (holds_entry or (has_main and uses_others)):
            continue
        has_main = has_main or ("value", "main") in source.keys
        found.append(_without_crate(source, foreign, names) if foreign else source)
    return found or programs


def _own_crate(source: Source, names: set[str]) -> set[str]:
    """Names by which a source calls the crate that the other blocks are: paths that begin with them hold ``names``."""
    known = _STANDARD | set(WELL_KNOWN) | {one.name for one in source.imports if "::" in one.path}
    known |= {name for kind, name in source.keys if kind == "type"} | names
    heads = {one.head for one in source.imports if _leaf(one) in names or (one.name == "*" and names & source.words)}
    for head in path_heads(source.root):
        path = head.parent
        follower = path.child_by_field_name("name") if path is not None else None
        if follower is not None and follower.id != head.id and text_of(follower) in names:
            heads.add(text_of(head))
    return {head for head in heads - known if head[:1].islower()}


def _leaf(one: Import) -> str:
    return one.path.partition(" as ")[0].rpartition("::")[2]


def _without_crate(source: Source, crates: set[str], names: set[str]) -> Source:
    """The same as a part of that crate: its imports from the root go, its paths begin at ``crate``."""
    edits = []
    for piece in source.pieces:
        if piece.imports and all(one.head in crates and _leaf(one) in names | {"*"} for one in piece.imports):
            edits.append((piece.start, piece.end, ""))
    gone = [(start, end) for start, end, _ in edits]
    for head in path_heads(source.root):
        inside = any(start <= head.start_byte < end for start, end in gone)
        if text_of(head) in crates and not inside:
            edits.append((head.start_byte, head.end_byte, "crate"))
    return Source.of(apply_edits(source.text, edits))


def _without_replaced(programs: Sequence[Source]) -> list[Source]:
    """Without those that a later one defines anew as a whole."""
    return [
        source
        for index, source in enumerate(programs)
        if not source.keys or not any(source.keys <= later.written for later in programs[index + 1 :])
    ]


def _keeper(sources: Sequence[Source], entry_point: str | None) -> Callable[[Piece], bool] | None:
    """Which pieces stay. Where a function is asked for, those go that use what was replaced and that nobody names."""
    anew: list[set[str]] = [set() for _ in sources]  # names that a later source defines again
    later: frozenset[Key] = frozenset()
    for index in reversed(range(len(sources))):
        anew[index] = {name for _, name in sources[index].keys & later}
        later |= sources[index].written
    if entry_point is None or not any(anew):
        return None
    doubtful: dict[str, list[Piece]] = {}
    pending = [entry_point]
    for source, names in zip(sources, anew, strict=True):
        for piece in source.pieces:
            words = set(words_of(piece.node))
            if not piece.imports and names & words:
                for owner in {_owner(key) for key in piece.keys}:
                    doubtful.setdefault(owner, []).append(piece)
            elif not piece.imports:
                pending += words
    seen, named = set(pending), set[int]()
    while pending:
        for piece in doubtful.get(pending.pop(), ()):
            if id(piece) not in named:
                named.add(id(piece))
                fresh = set(words_of(piece.node)) - seen
                seen |= fresh
                pending += fresh
    unnamed = {id(piece) for pieces in doubtful.values() for piece in pieces} - named
    return lambda piece: id(piece) not in unnamed


def _owner(key: Key) -> str:
    """The name by which others speak of what a key stands for: a type's for its impls."""
    kind, name = key
    return (name.rpartition("::")[0] if kind == "member" else name).rpartition(" ")[2]
