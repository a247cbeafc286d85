"""Prepare a published task for judging: complete tests, and a prompt without unused imports.

MultiPL-E publishes tests that begin with the brace before which a completion was stopped (stop token ``\\n}``), so that
only program and tests joined parse. Here tests are a source of their own: the brace is removed, and a completion may
lack it.
HumanEvalPack imports the same three crates in every prompt; a machine need not have unused ones.

Not covered: completions stopped anywhere else.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from burnish.records import RustTests, Task, ValueTests
from burnish.syntax.crates import without_unused_imports


@dataclass(frozen=True)
class JudgedTask:
    """Task for the judge, with what is needed to read answers to it."""

    task: Task
    test_source: str
    """Its tests as Rust; of value tests the calls and their types."""
    closes: bool
    """Whether the tests began with the last brace of a completion."""


def as_judged(task: Task) -> JudgedTask:
    """Return the task with complete tests and without unused imports in its prompt."""
    source = task.tests.source if isinstance(task.tests, RustTests) else ""
    if isinstance(task.tests, ValueTests):
        source = "".join(f"fn case() {{ let value: {case.type} = {case.call}; }}\n" for case in task.tests.cases)
    changes: dict[str, object] = {}
    closes = source.lstrip("\ufeff \t\r\n").startswith("}")
    if closes and isinstance(task.tests, RustTests):
        source = source.lstrip("\ufeff \t\r\n")[1:]
    source = source.removeprefix("\ufeff")
    if isinstance(task.tests, RustTests) and source != task.tests.source:
        changes["tests"] = task.tests.model_copy(update={"source": source})
    if task.code_prompt is not None:
        prompt = _without_unused(task.code_prompt, task.code_prompt, f"{task.reference or ''}\n{source}")
        if prompt != task.code_prompt:
            changes["code_prompt"] = prompt
    return JudgedTask(task.model_copy(update=changes) if changes else task, source, closes)


_without_unused = functools.lru_cache(maxsize=1024)(without_unused_imports)
