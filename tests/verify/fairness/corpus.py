"""Real programs, judged by their own tests, against what ``rustc --test`` and a run of its program say.

Each source is used in three forms: its tests hidden from the answer that is the whole source, from the answer without
its tests, and from an answer in which one operator is turned round. The comparison is by plain rustc and libtest, in
the same sandbox with the same limits. ``python -m tests.verify.fairness.corpus [ID...]`` prints a table and every
verdict that differs; what cannot be graded is listed with its reason. Seven minutes on two cores.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from burnish.config.verify import VerifyConfig
from burnish.records import Completion, Edition, RustTests, Task, Verdict
from burnish.syntax.source import apply_edits, is_program, name_of, parse, text_of, walk
from burnish.verify import Verifier
from burnish.verify.compiler.compile import Compiler
from burnish.verify.compiler.toolchain import Toolchain, find_toolchain
from burnish.verify.sandbox.open_sandbox import open_sandbox
from burnish.verify.separate.build import job_of
from tests.conftest import SHARED

Outcome = Literal["pass", "fail", "refused", "no tests"]
_TURNED = {"+": "-", "-": "+", "<": ">=", ">": "<=", "<=": ">", ">=": "<", "==": "!=", "!=": "==", "*": "+", "%": "/"}


@dataclass(frozen=True)
class Program:
    """A source with tests of its own: what rustc is given, and what the verifier is given."""

    name: str
    whole: str
    answer: str
    tests: str
    edition: Edition
    include_ignored: bool = False


def corpus(shared: Path) -> tuple[list[Program], dict[str, str]]:
    """Sources of the corpus that have tests, each in three forms, and why some cannot be used so."""
    programs: list[Program] = []
    aside: dict[str, str] = {}
    for line in (shared / "data/rust_corpus/sources.jsonl").read_text().splitlines():
        row = json.loads(line)
        if "#[test]" not in row["text"]:
            continue
        name, whole = row["id"], row["text"]
        answer, tests = split(whole)
        why = _hindrance(answer, tests)
        if why:
            aside[name] = why
            continue
        programs.append(Program(f"{name}/whole", whole, whole, tests, "2021"))
        programs.append(Program(f"{name}/stripped", whole, answer, tests, "2021"))
        turned = turned_round(answer)
        if turned is not None and "thread::sleep" not in whole:  # turned round, its threads may race
            programs.append(Program(f"{name}/turned", f"{turned}\n{tests}", turned, tests, "2021"))
    return programs, aside


def _hindrance(answer: str, tests: str) -> str:
    """Why a source cannot be parted into an answer and hidden tests; empty where it can."""
    if "#[test]" not in tests:
        return "its tests stand beside no module of their own"
    if not is_program(parse(answer)):
        return "it is tests alone"
    return "its tests need what stands under cfg(test) in an impl" if "cfg(test)" in answer else ""


def exercism(shared: Path) -> tuple[list[Program], dict[str, str]]:
    """Exercises: the example with the tests of the track, as their authors put both into one file."""
    programs = []
    for line in (shared / "data/exercism_rust/exercises.jsonl").read_text().splitlines():
        row = json.loads(line)
        tests = "\n".join(row["tests"].values())
        whole, example = row["single_file_program"], row["example"]
        programs.append(Program(f"{row['id']}/example", whole, example, tests, row["edition"], include_ignored=True))
    return programs, {}


def split(source: str) -> tuple[str, str]:
    """A source without its tests, and its tests: items at the top level under ``cfg(test)`` or ``test``."""
    tests: list[tuple[int, int]] = []
    start: int | None = None
    marked = False
    data = source.encode()
    for node in parse(source).named_children:
        if node.type in ("attribute_item", "line_comment", "block_comment"):
            start = node.start_byte if start is None else start
            words = [text_of(n) for n in walk(node) if n.type == "identifier"]
            marked = marked or (node.type == "attribute_item" and words in (["test"], ["cfg", "test"]))
            continue
        place = (node.start_byte if start is None else start, node.end_byte)
        named = node.type == "mod_item" and name_of(node) in ("test", "tests") and "#[test]" in text_of(node)
        if marked or named:
            tests.append(place)
        start, marked = None, False
    hidden = "\n".join(data[first:last].decode() for first, last in tests)
    return apply_edits(source, [(first, last, "") for first, last in tests]), hidden


def turned_round(source: str) -> str | None:
    """A source with the first operator between two numbers or values turned round; None where it has none."""
    for node in walk(parse(source)):
        operator = node.child_by_field_name("operator") if node.type == "binary_expression" else None
        if operator is not None and text_of(operator) in _TURNED:
            return apply_edits(source, [(operator.start_byte, operator.end_byte, _TURNED[text_of(operator)])])
    return None


class Plain:
    """``rustc --test`` and its program, in a sandbox with the limits of verdicts."""

    def __init__(self) -> None:
        self.toolchain: Toolchain = find_toolchain()
        self.sandbox = open_sandbox(VerifyConfig())
        self._compiler = Compiler(self.sandbox, self.toolchain)

    def outcome(self, program: Program) -> Outcome:
        """What rustc and libtest say."""
        built = self._compiler.program_of({"tests.rs": program.whole}, program.edition, [], tests=True)
        if built.reason != "ok":
            return "refused"
        words = ("--test-threads=1", *(("--include-ignored",) if program.include_ignored else ()))
        result = self.sandbox.run(job_of(self.toolchain, built.artifact, words))
        if b"running 0 tests" in result.stderr + result.stdout:
            return "no tests"
        return "pass" if result.exit_code == 0 and not result.exceeded else "fail"


@dataclass(frozen=True)
class Compared:
    """A verdict beside the outcome of plain rustc."""

    program: Program
    outcome: Outcome
    verdict: Verdict

    @property
    def listed(self) -> str:
        """Why it was not judged: no verdict, or a rule that plain rustc does not have; empty where it was."""
        return self.verdict.detail if self.verdict.reason in ("infra", "blocked") else ""

    @property
    def agrees(self) -> bool:
        """Whether both say pass, or neither."""
        return (self.verdict.status == "pass") == (self.outcome == "pass")


def compare(programs: Sequence[Program]) -> list[Compared]:
    """Judge all, both ways."""
    plain = Plain()
    try:
        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(plain.outcome, programs))
    finally:
        plain.sandbox.close()
    pairs = []
    for program in programs:
        tests = RustTests(source=program.tests, include_ignored=program.include_ignored)
        task = Task(id=program.name, family=program.name, prompt=(), tests=tests, edition=program.edition)
        text = f"`````````rust\n{program.answer}\n`````````\n"
        pairs.append((task, Completion(task_id=program.name, text=text, finish_reason="given")))
    with Verifier(VerifyConfig(infra_budget=1.0)) as verifier:
        verdicts = verifier.verify(pairs)
    return [Compared(*three) for three in zip(programs, outcomes, verdicts, strict=True)]


def main(names: list[str]) -> int:
    """Print the table; returns how many verdicts differ."""
    differ = 0
    for title, read in (("rust_corpus", corpus), ("exercism", exercism)):
        programs, aside = read(SHARED)
        found = compare([program for program in programs if not names or any(part in program.name for part in names)])
        listed = [one for one in found if one.listed]
        wrong = [one for one in found if not one.listed and not one.agrees]
        differ += len(wrong)
        infra = sum(one.verdict.status == "infra" for one in found)
        sys.stdout.write(
            f"{title}: {len(found)} programs, {len(found) - len(listed)} compared, {len(wrong)} differ; "
            f"{infra} infra, {len(listed) - infra} blocked, {len(aside)} sources set aside\n"
        )
        counts = Counter((one.outcome, one.verdict.status, one.verdict.grading) for one in found)
        for (outcome, status, grading), count in sorted(counts.items(), key=str):
            sys.stdout.write(f"    plain {outcome:9} verdict {status:6} {grading or 'neither way':12} {count:5}\n")
        sys.stdout.writelines(f"    {name}: set aside: {why}\n" for name, why in aside.items())
        sys.stdout.writelines(f"    {one.program.name}: plain {one.outcome}, listed: {one.listed}\n" for one in listed)
        for one in wrong:
            errors = [d.message for d in one.verdict.diagnostics if d.level == "error"][:2]
            said = f"{one.verdict.status} {one.verdict.grading} {one.verdict.stage} {one.verdict.reason}"
            said += f" {one.verdict.detail[:300]!r} {errors}"
            sys.stdout.write(f"    {one.program.name}: plain {one.outcome}, DIFFERS: {said}\n")
    return differ


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
