"""Find contamination: training rows that hold an evaluation task, or most of it.

Tasks and rows are cut into runs of ``run`` tokens (13 as in GPT-3, Brown et al. 2020, appendix C). A row is
contaminated when it has at least ``share`` of the different runs of one part of a task:

    prompt      words of the user turns
    reference   tokens of the code, names and literals normalised (`syntax.normalise`)
    tests       tokens of the tests, all names normalised, literals as they are; only runs with a literal count

or when a user turn equals a task's prompt, ignoring case, punctuation and white space. The share is of the task, not
of the row, to find a short solution inside a long file.

Parts with fewer than `LEAST_RUNS` runs say too little and are left out; `Contamination.not_judged` names them. Not
covered: paraphrased prompts, rewritten or reordered code, stdin and stdout of program tests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from tree_sitter import Node

from burnish.data.overlap.shingles import Shingles, shingles
from burnish.records import Example, RustTests, Task, ValueTests
from burnish.syntax.fences import rust_blocks
from burnish.syntax.normalise import code_tokens, is_prose, word_tokens
from burnish.syntax.source import parse

LEAST_RUNS = 8
Part = Literal["prompt", "reference", "tests"]
_WORDS, _CODE, _VALUES = 1, 2, 3
"""Salts that keep runs of different kinds apart."""


@dataclass(frozen=True)
class Overlap:
    """The task that a row holds."""

    task: str
    """``set:id``."""
    part: Part
    share: float
    """Share of the part's runs that the row has; 1 for an equal prompt."""

    def __str__(self) -> str:
        return f"{self.share:.0%} of the {self.part} of {self.task}"


class Contamination:
    """Named task sets that rows are compared with. Some 12 bytes of memory per run of the tasks."""

    def __init__(self, task_sets: Mapping[str, Iterable[Task]], *, run: int = 13, share: float = 0.5) -> None:
        """``run``: tokens per run; ``share``: of a part's runs, above 0 and at most 1."""
        if run < 1 or not 0 < share <= 1:
            raise ValueError("run is at least 1, share is above 0 and at most 1")
        self._run, self._share = run, share
        self._parts: list[tuple[str, Part]] = []
        self._prompts: dict[str, str] = {}
        self.not_judged: list[str] = []
        """``set:id part`` of parts that are too short for runs; equal prompts are still found."""
        hashed: list[Shingles] = []
        for name, tasks in task_sets.items():
            for task in tasks:
                self._add(f"{name}:{task.id}", task, hashed)
        self._sizes = np.array([part.size for part in hashed], dtype=np.int64)
        runs = np.concatenate(hashed) if hashed else np.empty(0, dtype=np.uint64)
        owners = np.repeat(np.arange(len(hashed), dtype=np.int32), self._sizes)
        order = np.argsort(runs, kind="stable")
        self._runs, self._owners = runs[order], owners[order]

    def find(self, example: Example, root: Node | None = None) -> Overlap | None:
        """Return the task that a row holds most of, if it holds enough; ``root`` is the tree of a document, if
        known."""
        for message in example.messages:
            task = self._prompts.get(_key(message.content)) if message.role == "user" else None
            if task is not None:
                return Overlap(task, "prompt", 1.0)
        if example.text is not None:
            return self._most_of(_document_runs(example.text, root or parse(example.text), self._run))
        return self._most_of(_union(self._turn_runs(message.content) for message in example.messages))

    def _turn_runs(self, content: str) -> Shingles:
        """Return runs of a turn: all its words, and its fenced Rust, or the whole turn as code."""
        pieces = [shingles(word_tokens(content), self._run, salt=_WORDS)]
        for source in rust_blocks(content) or [content]:
            root = parse(source)
            if not is_prose(root):
                pieces += _code_runs(root, self._run)
        return _union(pieces)

    def _most_of(self, runs: Shingles) -> Overlap | None:
        first = np.searchsorted(self._runs, runs, side="left")
        behind = np.searchsorted(self._runs, runs, side="right")
        hits = np.flatnonzero(behind > first)
        if not hits.size:
            return None
        owners = np.concatenate([self._owners[first[hit] : behind[hit]] for hit in hits])
        shares = np.bincount(owners, minlength=len(self._parts)) / self._sizes
        best = int(shares.argmax())
        if shares[best] < self._share:
            return None
        return Overlap(*self._parts[best], float(shares[best]))

    def _add(self, name: str, task: Task, hashed: list[Shingles]) -> None:
        prompt = "\n".join(message.content for message in task.prompt if message.role == "user")
        if prompt.strip():
            self._prompts.setdefault(_key(prompt), name)
        parts: dict[Part, list[Shingles]] = defaultdict(list)
        parts["prompt"].append(shingles(word_tokens(prompt), self._run, salt=_WORDS))
        if task.reference is not None:
            root = parse(task.reference)
            if is_prose(root):
                parts["reference"].append(shingles(word_tokens(task.reference), self._run, salt=_WORDS))
            else:
                parts["reference"].append(_code_runs(root, self._run)[0])
        tests = _tests_source(task)
        if tests:
            parts["tests"].append(_code_runs(parse(tests), self._run)[1])
        for part, pieces in parts.items():
            runs = _union(pieces)
            if runs.size < LEAST_RUNS:
                self.not_judged.append(f"{name} {part}")
            else:
                self._parts.append((name, part))
                hashed.append(runs)


def _document_runs(text: str, root: Node, run: int) -> Shingles:
    return _union([shingles(word_tokens(text), run, salt=_WORDS), *_code_runs(root, run)])


def _code_runs(root: Node, run: int) -> list[Shingles]:
    """Return runs of the code's structure, and those that hold a value."""
    tokens = code_tokens(root)
    return [
        shingles(tokens.normalised, run, salt=_CODE),
        shingles(tokens.values, run, salt=_VALUES, telling=tokens.is_literal),
    ]


def _union(pieces: Iterable[Shingles]) -> Shingles:
    given: Sequence[Shingles] = list(pieces)
    return np.unique(np.concatenate(given)) if given else np.empty(0, dtype=np.uint64)


def _tests_source(task: Task) -> str:
    match task.tests:
        case RustTests():
            return task.tests.source
        case ValueTests():
            lines = (f"assert_eq!({case.call}, {case.expected});" for case in task.tests.cases)
            return "fn tests() {\n" + "\n".join(lines) + "\n}\n"
        case _:
            return ""


def _key(text: str) -> str:
    return " ".join(word_tokens(text))
