"""Measures how the source is divided: files and lines of each folder, functions, imports, comments.

    python -m scripts.measure_house                     print the measures
    python -m scripts.measure_house --check             exit 1 and name what is over a limit
    python -m scripts.measure_house --root OTHER/CHECKOUT

Tables cover `src/burnish`; limits hold for tests, benchmarks and scripts too. A room is a module or a folder beside
others in one folder; an arrow is an import of one room by another. Not covered: whether a name says what it names.
"""

from __future__ import annotations

import argparse
import ast
import io
import statistics
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grimp

HERE = Path(__file__).resolve().parents[1]
PACKAGE = "burnish"
PARTS = ("src", "tests", "benchmarks", "scripts")
FILES_PER_FOLDER, LINES_PER_FILE, LINES_PER_FUNCTION, PARAMETERS = 15, 400, 60, 8
EMPTY_NAMES = frozenset({"one", "found", "said", "asked"})
"""Names of variables and parameters that say nothing of what they hold; refused in the package."""

EXCEPTIONS: Mapping[str, str] = {
    "benchmarks": "each file is a program of its own, started by its name",
    "src/burnish/records/summary.py": "`asked` is a field that summary.json has had since version 2",
    "tests/train/small_grpo.py::run_small_grpo": "each keyword is what some test varies",
}
"""What may be over a limit (folder, file, `file::function` or `package: rooms of a cycle`), with the reason."""


@dataclass(frozen=True)
class Function:
    """A function or method: its place, lines from ``def`` to the end, parameters without self and cls."""

    place: str
    lines: int
    parameters: int


@dataclass(frozen=True)
class SourceFile:
    """One Python file, read once."""

    path: str
    lines: int
    comments: int
    any_count: int
    functions: tuple[Function, ...]
    empty_names: tuple[str, ...]
    """``name in line N`` for each variable or parameter with one of `EMPTY_NAMES`."""

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


def read_files(root: Path, part: str) -> list[SourceFile]:
    """Every Python file below ``part``, sorted by path; paths are relative to ``root``."""
    return [_read_file(path, path.relative_to(root).as_posix()) for path in sorted((root / part).rglob("*.py"))]


def _read_file(path: Path, name: str) -> SourceFile:
    text = path.read_text()
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    tree = ast.parse(text)
    imported = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return SourceFile(
        name,
        len(text.splitlines()),
        len({token.start[0] for token in tokens if token.type == tokenize.COMMENT}),
        sum(token.string == "Any" and token.start[0] not in imported for token in tokens),
        tuple(_functions(tree, f"{name}::", in_class=False)),
        tuple(f"{bound} in line {line}" for bound, line in _bound_names(tree) if bound in EMPTY_NAMES),
    )


def _bound_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno


def _functions(node: ast.AST, place: str, *, in_class: bool) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            bound = in_class and not any(
                isinstance(d, ast.Name) and d.id == "staticmethod" for d in child.decorator_list
            )
            a = child.args
            count = (
                len(a.posonlyargs) + len(a.args) + len(a.kwonlyargs) + (a.vararg is not None) + (a.kwarg is not None)
            )
            yield Function(place + child.name, (child.end_lineno or 0) - child.lineno + 1, count - bound)
            yield from _functions(child, f"{place}{child.name}.", in_class=False)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{place}{child.name}.", in_class=True)
        else:
            yield from _functions(child, place, in_class=in_class)


def arrows(root: Path) -> dict[str, set[tuple[str, str]]]:
    """Package -> pairs of rooms directly in it of which the first imports the second."""
    sys.path.insert(0, str(root / "src"))
    try:
        graph = grimp.build_graph(PACKAGE, cache_dir=None)
    finally:
        sys.path.pop(0)
    found: dict[str, set[tuple[str, str]]] = {}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            one, other = importer.split("."), imported.split(".")
            same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
            if same:  # None where one of them is the package that holds the other
                found.setdefault(".".join(one[:same]), set()).add((one[same], other[same]))
    return found


def cycles(pairs: set[tuple[str, str]]) -> list[list[str]]:
    """Groups of rooms each of which reaches all others of its group by imports."""
    reach = {room: {b for a, b in pairs if a == room} for pair in pairs for room in pair}
    for middle in tuple(reach):
        for reached in reach.values():
            if middle in reached:
                reached.update(reach[middle])
    rings = {
        tuple(sorted(b for b in reached if room in reach[b])) for room, reached in reach.items() if room in reached
    }
    return [list(ring) for ring in sorted(rings)]


def over_limits(files: Sequence[SourceFile]) -> dict[str, str]:
    """Place -> what is over a limit there."""
    found = {}
    for folder, count in sorted(_modules_per_folder(files).items()):
        if count > FILES_PER_FOLDER:
            found[folder] = f"{count} files, at most {FILES_PER_FOLDER}"
    for file in files:
        if file.lines > LINES_PER_FILE:
            found[file.path] = f"{file.lines} lines, at most {LINES_PER_FILE}"
        elif file.empty_names and file.path.startswith("src/"):
            found[file.path] = f"names that say nothing: {', '.join(file.empty_names)}"
        for function in file.functions:
            if function.lines > LINES_PER_FUNCTION:
                found[function.place] = f"{function.lines} lines, at most {LINES_PER_FUNCTION}"
            elif function.parameters > PARAMETERS:
                found[function.place] = f"{function.parameters} parameters, at most {PARAMETERS}"
    return found


def _modules_per_folder(files: Sequence[SourceFile]) -> Counter[str]:
    return Counter(file.folder for file in files if not file.path.endswith("/__init__.py"))


def measures(root: Path) -> Iterator[str]:
    """Lines that describe the package: a table of its folders, then totals."""
    files, imports = read_files(root, f"src/{PACKAGE}"), arrows(root)
    modules = _modules_per_folder(files)
    yield f"{'folder':<48}{'files':>6}{'lines':>7}{'rooms':>6}{'arrows':>7}"
    for folder in sorted({file.folder for file in files}):
        package = folder.removeprefix("src/").replace("/", ".")
        lines = sum(file.lines for file in files if file.folder == folder)
        inner = {f.folder for f in files if f.folder.rpartition("/")[0] == folder}
        pairs = len(imports.get(package, ()))
        yield f"{folder:<48}{modules[folder]:>6}{lines:>7}{modules[folder] + len(inner):>6}{pairs:>7}"
    functions = [function for file in files for function in file.functions]
    lengths = sorted(function.lines for function in functions)
    total = sum(file.lines for file in files)
    longest = max(files, key=lambda file: file.lines)
    most, widest = max(functions, key=lambda one: one.lines), max(functions, key=lambda one: one.parameters)
    rings = [f"{package}: {' '.join(ring)}" for package, pairs in sorted(imports.items()) for ring in cycles(pairs)]
    yield f"\nfiles {sum(modules.values())} without __init__, {len(files)} with; lines {total}"
    yield f"longest file: {longest.lines} lines, {longest.path}"
    yield (
        f"functions: {len(functions)}; lines median {statistics.median(lengths):.0f}, "
        f"p90 {lengths[int(0.9 * len(lengths))]}, max {most.lines} ({most.place})"
    )
    yield (
        f"parameters: max {widest.parameters} ({widest.place}); "
        f"{sum(function.parameters > PARAMETERS for function in functions)} functions over {PARAMETERS}"
    )
    yield f"imports inside folders: {sum(map(len, imports.values()))}; cycles between rooms: {len(rings)}"
    yield from (f"  cycle in {ring}" for ring in rings)
    yield f"comments per 100 lines: {100 * sum(file.comments for file in files) / total:.1f}"
    yield f"Any: {sum(file.any_count for file in files)}"


def check(root: Path) -> list[str]:
    """Complaints, one line each; empty when everything is within the limits or an exception."""
    found = over_limits([file for part in PARTS for file in read_files(root, part)])
    for package, pairs in arrows(root).items():
        found |= {f"{package}: {' '.join(ring)}": "these rooms import one another in a cycle" for ring in cycles(pairs)}
    complaints = [f"{place}: {what}" for place, what in sorted(found.items()) if place not in EXCEPTIONS]
    if root == HERE:
        complaints += [
            f"{place}: listed as an exception, and over no limit" for place in EXCEPTIONS if place not in found
        ]
    return complaints


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure how the source is divided.")
    parser.add_argument("--check", action="store_true", help="name what is over a limit; exit 1 when anything is")
    parser.add_argument("--root", type=Path, default=HERE, help="another checkout")
    options = parser.parse_args(arguments)
    if not options.check:
        sys.stdout.write("".join(f"{line}\n" for line in measures(options.root)))
        return 0
    complaints = check(options.root)
    for complaint in complaints:
        sys.stderr.write(f"{complaint}\n")
    if complaints:
        sys.stderr.write("Fix these, or list them with a reason under EXCEPTIONS in scripts/measure_house.py.\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    raise SystemExit(main())
