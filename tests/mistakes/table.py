"""The table of mistakes: what a user types, and the exact answer.

``table.txt`` has an entry per mistake: the command, the exit code with the cause, and the way out. ``python -m
tests.mistakes.table`` makes every mistake again and writes the answers; read what it changes. Not covered: mistakes
that only work shows, such as a program that does not compile.
"""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from burnish.cli.recipes import shipped_names
from tests.mistakes.place import furnish
from tests.mistakes.runner import Ended, Program, opened

FILE = Path(__file__).with_name("table.txt")
PLACE = "PLACE"
"""Stands for the folder of the mistakes in messages."""
SHIPPED = "SHIPPED"
"""Stands for the names of the shipped recipes."""


@dataclass(frozen=True)
class Mistake:
    """One entry."""

    command: str
    """What follows ``burnish``, as in a shell."""
    code: int
    cause: str
    way_out: str

    def __str__(self) -> str:
        return f"$ burnish {self.command}\n[{self.code}] {self.cause}\n -> {self.way_out}\n"


def read_table() -> list[Mistake]:
    """The entries in order."""
    found = []
    for entry in FILE.read_text(encoding="utf-8").strip().split("\n\n"):
        command, cause, way_out = entry.splitlines()
        code, _, cause = cause.removeprefix("[").partition("] ")
        found.append(Mistake(command.removeprefix("$ burnish "), int(code), cause, way_out.removeprefix(" -> ")))
    return found


def make(mistake: Mistake, program: Program, place: Path) -> tuple[Ended, Mistake]:
    """Make the mistake; how it ended, and the entry that says so."""
    ended = program.run(shlex.split(mistake.command), place)
    stands_for = {str(place): PLACE, ", ".join(shipped_names()): SHIPPED}
    cause, way_out = ended.error
    for text, name in stands_for.items():
        cause, way_out = cause.replace(text, name), way_out.replace(text, name)
    return ended, Mistake(mistake.command, ended.code, cause, way_out)


def main() -> None:
    """Write the answers of today."""
    with tempfile.TemporaryDirectory() as folder, opened() as program:
        furnish(Path(folder))
        answers = [make(mistake, program, Path(folder))[1] for mistake in read_table()]
    FILE.write_text("\n".join(map(str, answers)), encoding="utf-8")


if __name__ == "__main__":
    main()
