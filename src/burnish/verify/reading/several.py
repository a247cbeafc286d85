"""Choose one program from the blocks of an answer.

Pieces are joined. Of several whole versions the last that parses and holds the entry point counts; of a version that is
replaced in part, items that the others name stay. Blocks that are not code (output, a shell, a manifest) are left out,
and so are usage examples: a block that imports from the answer as from a crate, a second ``main``, statements outside
of functions. A block that does not parse never replaces one that does; it stays if the others need its items.

Not covered: versions whose items have different names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from burnish.syntax.crates import WELL_KNOWN, path_heads
from burnish.syntax.fences import RUST, Block
from burnish.syntax.imports import Import
from burnish.syntax.source import apply_edits, looks_like_code, text_of
from burnish.syntax.standard_names import NO_DEPENDENCIES
from burnish.verify.reading.merge import merge
from burnish.verify.reading.source import Key, Piece, Source, words_of

MOST_BLOCKS = 64
"""Most blocks that are read, the last ones."""
_OTHER_LANGUAGES = frozenset(
    {
        "asm", "awk", "bash", "c", "cmake", "console", "cpp", "c++", "cs", "csharp", "csv", "css", "dart", "diff",
        "dockerfile", "elixir", "fish", "go", "haskell", "html", "ini", "java", "javascript", "js", "json", "jsonl",
        "julia", "kotlin", "latex", "lua", "make", "makefile", "mermaid", "nix", "ocaml", "patch", "perl", "php",
        "powershell", "py", "python", "python3", "r", "ruby", "scala", "sh", "shell", "shell-session", "sql", "swift",
        "toml", "ts", "typescript", "wat", "xml", "yaml", "yml", "zig", "zsh",
    }
)  # fmt: skip
_DEFINITION = re.compile(r"\b(?:fn|struct|enum|union|trait|mod|macro_rules!)\s+(\w+)")


def code_blocks(blocks: Sequence[Block]) -> list[Source]:
    """Return the blocks that are code, in order: labelled as Rust, or containing items."""
    sources = []
    for block in [block for block in blocks if block.text.strip()][-MOST_BLOCKS:]:
        if block.language in _OTHER_LANGUAGES:
            continue
        source = Source.of(_without_label(block.text))
        sure = block.language == RUST or source.is_program
        if sure or (block.language == "" and looks_like_code(source.root)):
            sources.append(source)
    return sources


def _without_label(text: str) -> str:
    """Remove a label on a line of its own below the fence."""
    first, _, rest = text.lstrip().partition("\n")
    return rest if first.strip().lower() in ("rust", "rs") else text


def choose(sources: Sequence[Source], entry_point: str | None) -> str | None:
    """Return the program of these blocks; None without any."""
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
    """Return the last block with the entry point, otherwise the last with an item, otherwise the last."""
    with_entry = [source for source in broken if entry_point is not None and entry_point in _names(source)]
    best = with_entry or [source for source in broken if looks_like_code(source.root)] or broken
    return best[-1].text if best else None


def _names(source: Source) -> set[str]:
    """Return the names a source defines, even if it does not parse."""
    return set(_DEFINITION.findall(source.text))


def _is_needed(broken: Source, programs: Sequence[Source], entry_point: str | None) -> bool:
    """Return whether a block that does not parse defines names that the others lack."""
    lacking = _names(broken) - {name for program in programs for _, name in program.keys}
    if entry_point is not None and not any(program.defines(entry_point) for program in programs):
        return entry_point in lacking
    return bool(lacking) and any(lacking & program.words for program in programs)


def _without_examples(programs: list[Source], entry_point: str | None) -> list[Source]:
    """Remove blocks that show how to use the others; the only ``main`` stays without an entry point."""
    if len(programs) == 1:
        return programs
    holds_entry = entry_point is not None and any(program.defines(entry_point) for program in programs)
    kept: list[Source] = []
    has_main = False
    for source in programs:
        others = [program for program in programs if program is not source]
        names = {name for other in others for _, name in other.keys}
        foreign = _own_crate(source, names)
        only_main = source.keys == {("value", "main")}
        defines_entry = source.defines(entry_point) if entry_point is not None else False
        main_elsewhere = any(("value", "main") in other.keys for other in others)
        uses_others = bool(source.words & (names - {"main"}))
        if foreign and not defines_entry and (holds_entry or main_elsewhere or ("value", "main") not in source.keys):
            continue
        if only_main and not defines_entry and (holds_entry or (has_main and uses_others)):
            continue
        has_main = has_main or ("value", "main") in source.keys
        kept.append(_without_crate(source, foreign, names) if foreign else source)
    return kept or programs


def _own_crate(source: Source, names: set[str]) -> set[str]:
    """Return the names by which a source calls the other blocks' crate: paths from them lead to ``names``."""
    known = NO_DEPENDENCIES | {"Self", *WELL_KNOWN}
    known |= {imported.name for imported in source.imports if "::" in imported.path}
    known |= {name for kind, name in source.keys if kind == "type"} | names
    heads = {
        imported.head
        for imported in source.imports
        if _leaf(imported) in names or (imported.name == "*" and names & source.words)
    }
    for head in path_heads(source.root):
        path = head.parent
        follower = path.child_by_field_name("name") if path is not None else None
        if follower is not None and follower.id != head.id and text_of(follower) in names:
            heads.add(text_of(head))
    return {head for head in heads - known if head[:1].islower()}


def _leaf(imported: Import) -> str:
    return imported.path.partition(" as ")[0].rpartition("::")[2]


def _without_crate(source: Source, crates: set[str], names: set[str]) -> Source:
    """Return the source as part of that crate: without imports from it, with paths from ``crate``."""
    edits = []
    for piece in source.pieces:
        if piece.imports and all(
            imported.head in crates and _leaf(imported) in names | {"*"} for imported in piece.imports
        ):
            edits.append((piece.start, piece.end, ""))
    removed = [(start, end) for start, end, _ in edits]
    for head in path_heads(source.root):
        inside = any(start <= head.start_byte < end for start, end in removed)
        if text_of(head) in crates and not inside:
            edits.append((head.start_byte, head.end_byte, "crate"))
    return Source.of(apply_edits(source.text, edits))


def _without_replaced(programs: Sequence[Source]) -> list[Source]:
    """Remove sources that a later one redefines as a whole."""
    return [
        source
        for index, source in enumerate(programs)
        if not source.keys or not any(source.keys <= later.written for later in programs[index + 1 :])
    ]


def _keeper(sources: Sequence[Source], entry_point: str | None) -> Callable[[Piece], bool] | None:
    """Decide which pieces stay: with an entry point, unnamed pieces that use replaced items are removed."""
    anew: list[set[str]] = [set() for _ in sources]  # names that a later source redefines
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
    """Return the name by which other code refers to a key: a type's for its impls."""
    kind, name = key
    return (name.rpartition("::")[0] if kind == "member" else name).rpartition(" ")[2]
