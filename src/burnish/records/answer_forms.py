"""Convert the forms in which tools write answers into one: ``id``, ``prompt`` and ``completion`` as text.

    completion, text, response, output,   the answer: text, or messages of which the last assistant turn counts
      generation or solution
    instruction, input                    the prompt of an Alpaca row
    messages                              a conversation: its last assistant turn, and the user's turn before it
    id or task_id                         the row's name, text or a whole number; a row by ``task_id`` is one sample of
                                          its task
    a `Completion` record                 as ``burnish generate`` writes it

Content may be text or a list of parts (``{"type": "text", "text": ..}``), as in TRL and in APIs for chat. Other fields
stay as they are. Not covered: several answers in one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from burnish.errors import DataError
from burnish.fsio import given_lines, parse_json
from burnish.records.answer import Completion
from burnish.records.base import first_problem

_ANSWERS = ("completion", "text", "response", "output", "generation", "solution", "messages")
_OF_RECORDS = frozenset(
    {
        "schema_version", "prompt_tokens", "completion_tokens", "finish_reason", "sampling", "model_digest", "seconds",
        "result", "passed",
    }
)  # fmt: skip
"""Further fields of `Completion` records and of HumanEval's result files, which do not concern the program."""


def plain_answer(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``row`` with ``id``, ``prompt`` and ``completion``; raise ValueError naming an unreadable part."""
    fields = dict(row)
    if "id" in fields:
        fields["id"] = row_name(fields["id"])
    elif "task_id" in fields:
        fields["id"] = row_name(fields.pop("task_id"))
        fields = {name: value for name, value in fields.items() if name not in _OF_RECORDS}
        fields.setdefault("sample_index", None)
    if isinstance(fields.get("instruction"), str) and "prompt" not in fields:
        parts = [fields.pop("instruction"), fields.pop("input", None)]
        fields["prompt"] = "\n\n".join(part for part in parts if isinstance(part, str) and part)
    given = [name for name in _ANSWERS if fields.get(name) is not None]
    if len(given) > 1:
        raise ValueError(f"the answer stands in {given[0]} and in {given[1]}; keep one")
    if given:
        answer = fields.pop(given[0])
        if given[0] == "messages":
            fields.setdefault("prompt", _turn(answer, "user", given[0], needed=False))
        fields["completion"] = answer if isinstance(answer, str) else _turn(answer, "assistant", given[0])
    if fields.get("prompt") is not None and not isinstance(fields["prompt"], str):
        fields["prompt"] = _turn(fields["prompt"], "user", "prompt")
    return fields


def row_name(name: Any) -> Any:
    """Convert a row's name to text if it is a whole number, as JSON Schema defines one: 7 and 7.0 are equal."""
    whole = type(name) is int or (type(name) is float and name.is_integer())
    return str(int(name)) if whole else name


def read_answers_of_others(path: Path) -> Iterator[tuple[int, Completion]]:
    """Read the answers of a user's file with their line numbers, in any of the forms.

    Answers to one task without a ``sample_index`` are numbered in file order. Raises DataError naming file and line,
    also for a repeated answer.
    """
    samples: Counter[str] = Counter()
    seen: dict[tuple[str, int], int] = {}
    for number, line in given_lines(path):
        try:
            completion = _completion(line, samples)
        except ValidationError as error:
            why = first_problem(error, whole="the line itself")
            raise DataError(f"{path}:{number}: {why}", "Fix the row, or remove it.") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{number}: {error}", "Fix the row, or remove it.") from error
        taken = seen.setdefault((completion.task_id, completion.sample_index), number)
        if taken != number:
            raise DataError(
                f"{path}:{number}: sample {completion.sample_index} of task {completion.task_id!r} stands in line "
                f"{taken} already",
                "Give each answer to a task a sample_index of its own, or remove one.",
            )
        samples[completion.task_id] += 1
        yield number, completion


def _completion(line: bytes, samples: Mapping[str, int]) -> Completion:
    row = parse_json(line)
    if not isinstance(row, dict):
        raise ValueError(f"a JSON {type(row).__name__}, not an object")
    if "schema_version" in row or "text" in row:
        return Completion.model_validate_json(line)
    fields = plain_answer(row)
    if not isinstance(fields.get("id"), str):
        raise ValueError("the row has no task_id")
    if fields.get("completion") is None:
        raise ValueError(f"the row of {fields['id']!r} has no answer: {', '.join(_ANSWERS)}")
    index = fields.get("sample_index")
    return Completion(
        task_id=fields["id"],
        sample_index=samples.get(fields["id"], 0) if index is None else index,
        text=fields["completion"],
        finish_reason="given",
    )


def _turn(turns: Any, role: str, name: str, *, needed: bool = True) -> str | None:
    """Return the text of the last turn of ``role``."""
    if isinstance(turns, Mapping):
        turns = [turns]
    if not isinstance(turns, Sequence) or not all(isinstance(turn, Mapping) for turn in turns):
        raise ValueError(f"{name} is neither text nor a list of messages")
    of_role = [turn for turn in turns if turn.get("role") == role]
    if not of_role:
        if needed:
            raise ValueError(f"{name} has no turn of the role {role!r}")
        return None
    return _content(of_role[-1].get("content"), f"{name}.content")


def _content(content: Any, name: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        raise ValueError(f"{name} is neither text nor a list of parts")
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{name} has a part that is not text")
    return "".join(str(text) for text in texts)
