"""Read HumanEvalPack for Rust (Muennighoff et al. 2023, OctoPack) from ``problems.jsonl`` as published.

Every problem imports the same three external crates whether it needs them or not. Unused imports are
dropped, by the syntax tree; crates that the reference or its tests use are listed in ``Task.crates``. A
solution continues the declaration, which ends in an open ``{``.

Not covered: the ``example_test`` field (empty in the Rust part) and the bug descriptions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tree_sitter import Node

from burnish.errors import DataError
from burnish.fsio import given_lines, parse_json
from burnish.records import Completion, Message, RustTests, Task
from burnish.syntax.source import parse
from burnish.syntax.standard_names import OWN_HEADS, STANDARD_CRATES

_FIELDS = ("task_id", "declaration", "canonical_solution", "test", "entry_point", "instruction")
LICENCE = "MIT"
ORIGIN = "HumanEvalPack (Rust)"


def load_humanevalpack(path: Path) -> tuple[Task, ...]:
    """Read tasks in the order of the file. Raises DataError naming the line of a missing or broken row."""
    return tuple(_task(row) for row in _rows(path, _FIELDS))


def read_answers(path: Path, field: str) -> tuple[Completion, ...]:
    """Read ``field`` (``canonical_solution``, ``buggy_solution``) as completions marked ``given``."""
    return tuple(
        Completion(task_id=row["task_id"], text=row[field], finish_reason="given")
        for row in _rows(path, ("task_id", field))
    )


def _rows(path: Path, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """Read rows that hold every one of ``fields`` as text."""
    if not path.is_file():
        raise DataError(f"file {path} does not exist.", "Give the path of problems.jsonl.")
    rows: list[dict[str, Any]] = []
    for number, line in given_lines(path):
        try:
            row = parse_json(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: not JSON: {error}.", "Fetch the file again.") from error
        missing = [f for f in fields if not isinstance(row, dict) or not isinstance(row.get(f), str)]
        if missing:
            known = ", ".join(sorted(row)) if isinstance(row, dict) else "nothing"
            raise DataError(f"{path}:{number}: no text under {missing[0]!r}.", f"The row holds {known}.")
        rows.append(row)
    if not rows:
        raise DataError(f"{path} holds no problems.", "Give the path of problems.jsonl.")
    return rows


def _task(row: dict[str, Any]) -> Task:
    whole = row["declaration"] + row["canonical_solution"]
    tests, test_crates = _without_unused_crates(row["test"], row["test"])
    prompt, crates = _without_unused_crates(row["declaration"], whole + row["test"])
    return Task(
        id=row["task_id"],
        family=row["task_id"],
        prompt=(Message(role="user", content=f"{row['instruction']}\n\n```rust\n{prompt.strip()}\n```"),),
        code_prompt=row["declaration"],  # as published: identifies an answer that repeats its unused imports
        entry_point=row["entry_point"],
        tests=RustTests(source=tests),
        reference=prompt + row["canonical_solution"],
        wrong=(row["buggy_solution"],) if isinstance(row.get("buggy_solution"), str) else (),
        crates=tuple(sorted(set(crates) | set(test_crates))),
        licence=LICENCE,
        origin=ORIGIN,
    )


def _without_unused_crates(source: str, whole: str) -> tuple[str, list[str]]:
    """Remove imports of external crates that ``whole`` never uses; return ``source`` and the crates that stay."""
    root = parse(source if source.rstrip().endswith("}") else source + "}")
    paths, names = _used(parse(whole))
    data = source.encode()
    crates: list[str] = []
    for node in reversed(root.named_children):
        if node.type != "use_declaration":
            continue
        leaves = [_text(n) for n in _walk(node) if n.type == "identifier"]
        if not leaves or leaves[0] in STANDARD_CRATES | OWN_HEADS:
            continue
        if leaves[0] in paths or (names | paths) & set(leaves[1:]):
            crates.append(leaves[0])
        else:
            data = data[: node.start_byte] + data[node.end_byte :].removeprefix(b"\n")
    return data.decode(), crates


def _used(root: Node) -> tuple[set[str], set[str]]:
    """Return first parts of paths (``md5`` in ``md5::compute``), and all other identifiers, without imports."""
    paths: set[str] = set()
    names: set[str] = set()
    for item in root.named_children:
        if item.type == "use_declaration":
            continue
        for node in _walk(item):
            if node.type in ("identifier", "type_identifier"):
                following = node.next_sibling
                (paths if following is not None and following.type == "::" else names).add(_text(node))
    return paths, names


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)
