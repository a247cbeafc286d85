"""Convert the fields of a row to a conversation or a document.

    messages or conversations             the conversation: turns with role and content, or with from and value
                                          (ShareGPT: human, gpt, system, tool); a system beside it goes first
    prompt, completion or gen             user, assistant
    instruction, output; where they are   Alpaca: system, the pairs of history, instruction and input as one user
      not empty input, system, history    turn, assistant
    question, answer; where it is not     context and question as one user turn, assistant
      empty context
    text or content                       a document
    an `Example` record, as               itself, its weight times the source's
      ``burnish data prepare`` writes it

The first form in this order whose fields are all there is taken; ``null`` is there only where nothing else is, and then
named as what is wrong. What stands in one turn is joined by a blank line. Beside the form: ``path``, ``licence`` or
``license`` (of a list all must allow the use), ``_task_type`` or ``task_type``, ``weight`` (times the source's), and
``split``: a row of another split than the one to train on is left out where the source names its split, else refused.
Text must be text: a number is no answer, and is never made one.

Not covered: chat templates (`data.encode.chat`); tool calls, whose fields a turn may have only as null.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from burnish.config.data.training_data import FileRows, MappedSource, SourceConfig
from burnish.data.sources.raw import BadRow, OtherSplit, RawRow
from burnish.errors import DataError
from burnish.fsio import HALF_PAIR, half_pair, parse_json
from burnish.records import Example, Message

FORMS = "messages or conversations, prompt + completion, instruction + output, question + answer, or text"
_ALIASES = {
    "messages": ("conversations",),
    "completion": ("gen",),
    "text": ("content",),
    "licence": ("license",),
    "task_type": ("_task_type",),
}
_BESIDE = ("path", "licence", "task_type", "weight", "split")
_SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
"""``from`` of a ShareGPT turn -> role."""
_TRAINED_SPLITS = frozenset({"train", "training"})
_PREPARED = frozenset({"schema_version", "id", "messages", "text", "weight", "source", "origin"})
"""Fields of every `Example` record; a user's own column ``schema_version`` alone does not make one."""
_REQUIRED = (("messages",), ("prompt", "completion"), ("instruction", "output"), ("question", "answer"), ("text",))


def example_of(raw: RawRow, source: SourceConfig, name: str) -> Example:
    """Return the example of a row; raise BadRow, and OtherSplit for a row that the source leaves out."""
    if raw.data is None:
        raise BadRow(raw.problem)
    row = _decoded(raw.data) if isinstance(raw.data, bytes) else raw.data
    if set(row) >= _PREPARED and set(row) <= set(Example.model_fields):
        return _prepared(row, raw, source, name)
    fields = _named(row, source.fields if isinstance(source, MappedSource) else {})
    _check_split(fields.get("split"), source)
    messages, text = _content(fields, row)
    known = raw.defaults
    example = Example(
        id=raw.id,
        messages=messages,
        text=text,
        weight=source.weight * _weight(fields.get("weight")),
        source=name,
        path=_text(fields, "path", known.get("path", "")),
        licence=_licence(fields, known.get("licence", "")),
        task_type=_text(fields, "task_type", ""),
        origin=f"{PurePath(raw.file).name}:{raw.place}" if raw.place else PurePath(raw.file).name,
    )
    texts = [*(message.content for message in messages), text or "", example.path, example.licence, example.task_type]
    if any(map(half_pair, texts)):  # JSON is checked before; other files and the hub are not
        raise BadRow(f"its text holds {HALF_PAIR}")
    return example


def _decoded(data: bytes) -> Mapping[str, Any]:
    try:
        row = parse_json(data)
    except UnicodeDecodeError as error:
        raise BadRow(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise BadRow(f"not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise BadRow("not JSON that can be read: nested too deeply") from error
    if not isinstance(row, dict):
        raise BadRow(f"a JSON {type(row).__name__}, not an object with {FORMS}")
    return row


def _named(row: Mapping[str, Any], mapping: Mapping[Any, str]) -> dict[str, Any]:
    """Map values to our field names. A mapping that names any field of a form hides all other forms of the row."""
    for ours, theirs in mapping.items():
        if theirs not in row:
            close = difflib.get_close_matches(theirs, list(row), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {_shown(row)}"
            raise BadRow(f"the row has no field {theirs!r}, which `fields` maps to {ours}; {hint}")
    mapped = {ours: row[theirs] for ours, theirs in mapping.items()}
    hidden = set(mapped) - set(_BESIDE)
    fields: dict[str, Any] = {}
    for names in (*_REQUIRED, ("input", "system", "history", "context"), _BESIDE):
        for ours in names:
            if ours in mapped or (hidden and ours not in _BESIDE):
                continue
            for theirs in (ours, *_ALIASES.get(ours, ())):
                if theirs in row and fields.get(ours) is None:
                    fields[ours] = row[theirs]
    return fields | mapped


def _content(fields: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[tuple[Message, ...], str | None]:
    form = _form({name for name, value in fields.items() if value is not None}) or _form(set(fields))
    if form is None and {"schema_version", "family", "prompt"} <= set(row):
        raise BadRow(
            "a Task record is not a training row; use its reference with data.tasks.kind=file and data.tasks.train"
        )
    if form is None:
        raise BadRow(f"the row has the fields {_shown(row)}; wanted are {FORMS}")
    if form == ("text",):
        return (), _document(fields["text"])
    if form == ("messages",):
        turns = fields["messages"]
        if not isinstance(turns, Sequence) or isinstance(turns, str) or not turns:
            raise BadRow("'messages' is not a list of turns")
        messages = tuple(_message(_turn(turn, index), f"messages.{index}") for index, turn in enumerate(turns))
        messages = (*_system(fields, messages), *messages)
    else:
        messages = _turns(form, fields)
    if not any(message.role == "assistant" for message in messages):
        raise BadRow("no turn of the role 'assistant', so nothing to learn from")
    for index, message in enumerate(messages):
        if message.role == "assistant" and not message.content.strip():
            raise BadRow(f"turn {index} of the role 'assistant' is empty")
    return messages, None


def _turn(turn: Any, index: int) -> Any:
    """Convert a turn to role and content: rename ShareGPT's fields, and drop fields that are null.

    A table gives every turn the same fields, so null means absent, except for a role or content.
    """
    if not isinstance(turn, Mapping):
        return turn
    fields = {key: value for key, value in turn.items() if value is not None or key in ("role", "content")}
    if "from" not in fields or "role" in turn or "content" in turn:
        return fields
    speaker = fields.pop("from")
    if speaker not in _SPEAKERS:
        raise BadRow(f"messages.{index}.from: {speaker!r} is none of {', '.join(_SPEAKERS)}")
    return {"role": _SPEAKERS[speaker], "content": fields.pop("value", None), **fields}


def _system(fields: Mapping[str, Any], messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the system turn beside a conversation; refuse it when the conversation has another of its own."""
    if not _filled(fields, "system"):
        return ()
    beside = _message({"role": "system", "content": fields["system"]}, "system")
    system_turns = [message for message in messages if message.role == "system"]
    if system_turns and system_turns[0].content != beside.content:
        raise BadRow("the row has a 'system' and another system turn in its conversation")
    return () if system_turns else (beside,)


def _weight(value: Any) -> float:
    """Return a row's own weight; 1 without one."""
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise BadRow(f"weight: a number above 0 is wanted, not {value!r}")
    return float(value)


def _check_split(value: Any, source: SourceConfig) -> None:
    """Raise for a row that is not for training; a ``split`` that is not text has another meaning."""
    wanted = source.split if isinstance(source, FileRows) else None
    if wanted is not None:
        if value != wanted:
            raise OtherSplit
    elif isinstance(value, str) and value.lower() not in _TRAINED_SPLITS:
        raise BadRow(f"the row is of the split {value!r}; set the split to train on, as in split: train")


def _form(names: set[str]) -> tuple[str, ...] | None:
    return next((form for form in _REQUIRED if names.issuperset(form)), None)


def _turns(form: tuple[str, ...], fields: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the conversation of a form with a question and an answer."""
    prompt_field, answer_field = form
    turns: list[tuple[str, str, Any]] = []
    if _filled(fields, "system") and prompt_field == "instruction":
        turns.append(("system", "system", fields["system"]))
    if _filled(fields, "history") and prompt_field == "instruction":
        turns += _history(fields["history"])
    prompt = fields[prompt_field]
    if prompt_field == "instruction" and _filled(fields, "input"):
        prompt = _joined((prompt_field, prompt), ("input", fields["input"]))
    elif prompt_field == "question" and _filled(fields, "context"):
        prompt = _joined(("context", fields["context"]), (prompt_field, prompt))
    turns += [(prompt_field, "user", prompt), (answer_field, "assistant", fields[answer_field])]
    return tuple(_message({"role": role, "content": content}, place) for place, role, content in turns)


def _filled(fields: Mapping[str, Any], name: str) -> bool:
    return name in fields and fields[name] not in (None, "", [], ())


def _joined(*parts: tuple[str, Any]) -> str:
    for name, part in parts:
        if not isinstance(part, str):
            raise BadRow(f"{name}: input should be a valid string, not {type(part).__name__}")
    return "\n\n".join(part for _, part in parts)


def _history(pairs: Any) -> list[tuple[str, str, Any]]:
    turns: list[tuple[str, str, Any]] = []
    if not isinstance(pairs, Sequence) or isinstance(pairs, str):
        raise BadRow("'history' is not a list of pairs")
    for index, pair in enumerate(pairs):
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise BadRow(f"history.{index} is not a pair of question and answer")
        turns += [(f"history.{index}.0", "user", pair[0]), (f"history.{index}.1", "assistant", pair[1])]
    return turns


def _document(text: Any) -> str:
    if not isinstance(text, str):
        raise BadRow(f"text: input should be a valid string, not {type(text).__name__}")
    if not text.strip():
        raise BadRow("text is empty")
    return text


def _message(turn: Any, place: str) -> Message:
    try:
        return Message.model_validate(turn)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        inner = ".".join(str(part) for part in first["loc"])
        where = f"{place}.{inner}" if inner and place.startswith("messages") else place
        raise BadRow(f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}") from error


def _text(fields: Mapping[str, Any], name: str, default: str) -> str:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise BadRow(f"{name}: input should be a valid string, not {type(value).__name__}")
    return value


def _licence(fields: Mapping[str, Any], default: str) -> str:
    value = fields.get("licence")
    if not isinstance(value, list | tuple):
        return _text(fields, "licence", default)
    if not all(isinstance(licence, str) for licence in value):
        raise BadRow("licence: input should be a valid string, or a list of such")
    return value[0] if len(value) == 1 else " AND ".join(f"({licence})" for licence in value)


def _prepared(row: Mapping[str, Any], raw: RawRow, source: SourceConfig, name: str) -> Example:
    try:
        example = Example.from_json(json.dumps(row))
    except DataError as error:
        raise BadRow(error.cause) from error
    update = {"id": raw.id, "source": name, "weight": _weight(example.weight) * source.weight}
    return example.model_copy(update=update)


def _shown(row: Mapping[str, Any]) -> str:
    return ", ".join(repr(key) for key in list(row)[:8]) or "none"
