"""``burnish verify FILE.jsonl --out DIR``: judge the programs of a file.

    rows -> tasks and completions -> verdicts.jsonl (one row per input row, same id) + summary.json

A row holds ``id``, ``code`` or ``completion`` (with ``prompt``: the code it continues, or the instruction it answers),
and what it is judged by: ``edition``, ``crate_type``, ``goal`` (check, run or test; as deep as the row allows),
``stdin``, ``expected_stdout``, ``entry_point``, ``tests``. A bad row is recorded with its line in ``rejected.jsonl``
and counted; the others are judged.

``crates`` names the dependencies that a row needs. By default they are those that its prompt or its tests name. An
answer may use any crate of the run's dependency set; another crate is a compile error of the answer, and counted.

Left out: several runs of one program in a row's own fields (``tests`` of kind ``program`` has them).
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, WithJsonSchema, field_validator, model_validator
from pydantic.config import JsonDict, JsonValue

from burnish.config.verify import VerifyConfig
from burnish.errors import DataError, RunFolderError
from burnish.fsio import given_lines, opened_plain, write_json
from burnish.records import (
    Completion,
    CrateType,
    Edition,
    Message,
    ProgramRun,
    ProgramTests,
    RustTests,
    Task,
    Tests,
    Verdict,
    first_problem,
)
from burnish.records.answer_forms import plain_answer
from burnish.records.files import write_rows
from burnish.records.layout import REJECTED, SUMMARY, VERDICT_CACHE, VERDICTS
from burnish.score.summaries.summary import summarise_verdicts
from burnish.syntax.crates import COMMON, WELL_KNOWN, imported_crates, named_crates
from burnish.syntax.source import parse
from burnish.verify.compiler.dependency_set import BUILD_COMMAND
from burnish.verify.judge.bounds import bounded
from burnish.verify.judge.ladder import Goal
from burnish.verify.reading import extract
from burnish.verify.reading.prompt import code_of_prompt
from burnish.verify.sandbox.unsafe import UnsafeNoSandbox
from burnish.workflows.verify.judge import open_verifier

_MOST_CAUSES = 5
_OURS = frozenset({VERDICTS, SUMMARY, REJECTED, VERDICT_CACHE})
_UNRESOLVED = frozenset({"E0432", "E0433", "E0463"})
"""Error codes for a missing crate."""


_EDITIONS: JsonDict = {"enum": ["2015", "2018", "2021", "2024", 2015, 2018, 2021, 2024, None]}
_NAME: JsonDict = {"type": ["string", "integer"], "description": "A whole number stands for its digits."}
_NULL: JsonDict = {"type": "null"}
_TEXT: JsonDict = {"type": "string"}
_RULES: list[JsonValue] = [
    {
        "oneOf": [
            {"required": ["code"], "properties": {"code": _TEXT, "completion": _NULL, "prompt": _NULL}},
            {"required": ["completion"], "properties": {"completion": _TEXT, "code": _NULL}},
        ]
    },
    {"anyOf": [{"properties": {"tests": _NULL}}, {"properties": {"stdin": _NULL, "expected_stdout": _NULL}}]},
    {
        "anyOf": [
            {"properties": {"goal": {"enum": ["check", "run", None]}}},
            {"required": ["tests"], "properties": {"tests": {"type": "object"}}},
            {"required": ["stdin"], "properties": {"stdin": _TEXT}},
            {"required": ["expected_stdout"], "properties": {"expected_stdout": _TEXT}},
        ]
    },
    {
        "anyOf": [
            {"properties": {"crate_type": {"enum": ["bin", None]}}},
            {
                "properties": {
                    "goal": {"enum": ["check", "test", None]},
                    "stdin": _NULL,
                    "expected_stdout": _NULL,
                }
            },
        ]
    },
]
"""What `VerifyRow` asks of its fields together, as its description has it."""


class VerifyRow(BaseModel):
    """One row of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"allOf": _RULES})

    id: Annotated[str, WithJsonSchema(_NAME)]
    sample_index: int | None = 0
    """None for a further answer to its task, numbered in order."""
    code: str | None = None
    completion: str | None = None
    prompt: str | None = None
    edition: Annotated[Edition, WithJsonSchema(_EDITIONS)] = "2021"
    crate_type: CrateType | None = None
    crates: tuple[str, ...] | None = None
    goal: Literal["check", "run", "test"] | None = None
    stdin: str | None = None
    expected_stdout: str | None = None
    entry_point: str | None = None
    tests: Tests | None = None

    @classmethod
    def of(cls, row: object, *, strict: bool = False) -> VerifyRow:
        """Read a row in any of the forms of `records.answer_forms`; raises ValueError or RecursionError."""
        plain = plain_answer(row) if isinstance(row, Mapping) else row
        return cls.model_validate_json(json.dumps(plain), strict=strict)

    @field_validator("edition", mode="before")
    @classmethod
    def _as_text(cls, edition: object) -> object:
        """Accept 2021 without quotes as an edition, and null as the default."""
        return "2021" if edition is None else str(edition) if type(edition) is int else edition

    @model_validator(mode="after")
    def _has_one_program(self) -> VerifyRow:
        if (self.code is None) == (self.completion is None):
            raise ValueError("a row has either code or an answer: completion, text, response, output or messages")
        if self.prompt is not None and self.completion is None:
            raise ValueError("prompt needs completion")
        if self.runs_on_input and self.tests is not None:
            raise ValueError("stdin and expected_stdout exclude tests")
        if self.goal == "test" and self.tests is None and not self.runs_on_input:
            raise ValueError("goal test needs tests")
        if self.crate_type == "lib" and (self.goal == "run" or self.runs_on_input):
            raise ValueError("a library cannot be run")
        return self

    @property
    def runs_on_input(self) -> bool:
        """Return whether the row sets its program's input or output."""
        return self.stdin is not None or self.expected_stdout is not None

    @property
    def goal_of_task(self) -> Goal | None:
        """Return the goal; a run with output to compare counts as a test."""
        return "test" if self.goal == "run" and self.runs_on_input else self.goal


def verify_file(rows: Path, out: Path, config: VerifyConfig, *, unsafe_no_sandbox: bool = False) -> dict[str, Any]:
    """Judge every row and return the content of ``summary.json``.

    ``unsafe_no_sandbox`` runs the programs without isolation, for trusted programs.

    Verdicts are kept in ``out`` (or ``config.cache``) as they are found, so the same command continues.
    Raises DataError when the file cannot be read, RunFolderError when ``out`` holds something else, and what
    `Verifier.verify` raises.
    """
    read, rejected = _read(rows)
    if out.exists() and (not out.is_dir() or any(p.name.split("-")[0] not in _OURS for p in out.iterdir())):
        raise RunFolderError(f"{out} is not empty and has no verdicts.", f"Give a new folder, or remove {out}.")
    with contextlib.ExitStack() as stack:
        unsafe = stack.enter_context(contextlib.closing(UnsafeNoSandbox())) if unsafe_no_sandbox else None
        verifier = stack.enter_context(open_verifier(config, beside=out, sandbox=unsafe))
        built = verifier.crates
        pairs = [pair_of(row, built) for row in read]
        verdicts = verifier.verify(pairs, goals=[row.goal_of_task for row in read])
    untested = {task.id for task, _ in pairs if task.tests is None}
    write_rows(out / REJECTED, rejected)
    write_rows(out / VERDICTS, map(verdict_row, verdicts))
    causes = Counter(verdict.detail for verdict in verdicts if verdict.status == "infra")
    summary = {
        "rejected_rows": len(rejected),
        **summarise_verdicts(verdicts, untested),
        "infra_causes": dict(causes.most_common(_MOST_CAUSES)),
        **_lacking(verdicts),
    }
    write_json(out / SUMMARY, summary)
    return summary


def _lacking(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Count answers that failed only for crates that a dependency set could hold, by crate; empty without any."""
    counted = Counter(name for verdict in verdicts for name in _crates_alone(verdict))
    named = [name for name in counted if name not in WELL_KNOWN]  # well-known crates are built without being named
    return {"crates_not_built": {**counted, "build_them": " ".join([BUILD_COMMAND, *named])}} if counted else {}


def _crates_alone(verdict: Verdict) -> set[str]:
    """Return the common crates in all compile errors; empty when any error has another cause."""
    crates: set[str] = set()
    for diagnostic in verdict.diagnostics:
        if diagnostic.level == "error":
            named = (
                {name for name in COMMON if f"`{name}`" in diagnostic.message}
                if diagnostic.code in _UNRESOLVED
                else set()
            )
            if not named:
                return set()
            crates |= named
    return crates


def _read(path: Path) -> tuple[list[VerifyRow], list[dict[str, Any]]]:
    """Split rows into valid ones and rejected ones with ``line`` and ``reason``."""
    rows: list[VerifyRow] = []
    rejected: list[dict[str, Any]] = []
    seen: dict[tuple[str, int], int] = {}
    samples: Counter[str] = Counter()
    for number, line in _lines(path):
        try:
            row = VerifyRow.of(json.loads(line))
        except (ValueError, RecursionError) as error:
            rejected.append({"line": number, "reason": row_problem(error)})
            continue
        if row.sample_index is None:
            row = row.model_copy(update={"sample_index": samples[row.id]})
        taken = seen.setdefault((row.id, row.sample_index or 0), number)
        if taken != number:
            rejected.append({"line": number, "reason": f"id {row.id!r} is taken by line {taken}"})
            continue
        samples[row.id] += 1
        rows.append(row)
    if not rows:
        raise _no_rows(path, rejected)
    return rows, rejected


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines of a file, gzipped or not."""
    try:
        yield from given_lines(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}.", "Give a JSONL file of programs.") from error


def _no_rows(path: Path, rejected: Sequence[Mapping[str, Any]]) -> DataError:
    """Return why nothing of a file can be judged, and what turns it into rows."""
    with opened_plain(path) as file:
        start = file.read(1 << 10).removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith(b"PAR1"):
        convert = f"pandas.read_parquet('{path}').to_json('rows.jsonl', orient='records', lines=True)"
        return DataError(f"{path} is a Parquet file, not JSON lines.", f'python -c "import pandas; {convert}"')
    if start.startswith(b"[") or start.partition(b"\n")[0].strip() == b"{":
        rows = ".[]" if start.startswith(b"[") else "."
        return DataError(f"{path} is JSON, not JSON lines: one object per line.", f"jq -c '{rows}' {path} > rows.jsonl")
    if not rejected:
        return DataError(f"{path} is empty.", "Give a JSONL file of programs.")
    first = f"line {rejected[0]['line']}: {rejected[0]['reason']}"
    return DataError(f"{path} has no valid row; {first}.", "Fix the rows: one JSON object per line, with id and code.")


def row_problem(error: ValueError | RecursionError) -> str:
    """Return why a row could not be read."""
    if isinstance(error, ValidationError):
        is_object = error.errors()[0]["type"] not in ("model_type", "model_attributes_type")
        return first_problem(error) if is_object else "it is no JSON object"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON: {error.msg}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8: byte {error.start + 1} is {error.object[error.start]:#04x}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def pair_of(row: VerifyRow, built: Collection[str] = ()) -> tuple[Task, Completion]:
    """Build task and completion of a row; ``built`` are the crates of the run's dependency set, which any answer may
    use."""
    tests = row.tests
    if row.runs_on_input:
        tests = ProgramTests(runs=(ProgramRun(stdin=row.stdin or "", expected_stdout=row.expected_stdout),))
    prompt = row.prompt or ""
    answer = bounded(row.completion or "")
    code_prompt = code_of_prompt(prompt, answer) if prompt else None
    crates = row.crates if row.crates is not None else _crates_of(row, code_prompt, built)
    task = Task(
        id=row.id,
        family=row.id,
        prompt=(Message(role="user", content=prompt),) if prompt and code_prompt is None else (),
        code_prompt=code_prompt,
        entry_point=row.entry_point,
        tests=tests,
        edition=row.edition,
        crate_type=row.crate_type,
        crates=crates,
    )
    text = row.completion if row.completion is not None else _fence(row.code or "")
    return task, Completion(task_id=row.id, sample_index=row.sample_index or 0, text=text, finish_reason="given")


def _crates_of(row: VerifyRow, code_prompt: str | None, built: Collection[str]) -> tuple[str, ...]:
    """Return the crates of a row: named by tests, imported by the prompt and used, or built and named by the
    program."""
    tests = row.tests.source if isinstance(row.tests, RustTests) else ""
    known = {*COMMON, *built}
    prompt = bounded(code_prompt or "")
    of_prompt = {*named_crates(prompt, known), *imported_crates(parse(prompt))}
    code = row.code or ""
    if row.completion is not None and (of_prompt or built):
        code = extract(bounded(row.completion), code_prompt, row.entry_point, tests=tests) or ""
    used = {*named_crates(bounded(code), {*of_prompt, *built})}
    return tuple(sorted({*named_crates(tests, known), *used}))


def _fence(code: str) -> str:
    """Fence a row's ``code`` longer than any fence inside, so that it is used unchanged: it is a program by
    definition."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}rust\n{code}\n{mark}\n"


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """Format a verdict under the ``id`` of its row."""
    return {"id": verdict.task_id, **verdict.model_dump(mode="json", exclude={"task_id"})}
