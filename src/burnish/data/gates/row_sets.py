"""Check training rows as a set: role order, held-out tasks, one answer for all, duplicates.

Not covered: near-duplicates and paraphrases of held-out prompts (`data.overlap.contamination`, as a filter).
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Sequence

from burnish.data.encode.encoded import EncodedExample
from burnish.errors import GateError
from burnish.records import Example, Task

SHOWN = 400
"""Most characters shown of an offending text."""
ENOUGH_ROWS = 10
"""With fewer rows, equal answers and duplicates mean nothing."""

_FOLLOWING = {"": ("user",), "user": ("assistant",), "assistant": ("user", "tool"), "tool": ("assistant", "tool")}
"""Role -> the roles that may follow it; the first is the usual one."""


def check_role_order(examples: Sequence[Example]) -> None:
    """Raise GateError unless system turns come first, then user and assistant in turn, beginning with the user; tool
    turns may follow an assistant turn."""
    for example in examples:
        roles = [message.role for message in example.messages]
        begin = next((index for index, role in enumerate(roles) if role != "system"), len(roles))
        for index in range(begin, len(roles)):
            wanted, *others = _FOLLOWING[roles[index - 1] if index > begin else ""]
            if roles[index] not in (wanted, *others):
                text = example.messages[index].content[:SHOWN]
                raise GateError(
                    f"row {example.id} has its roles in the wrong order ({', '.join(roles)}): turn {index} is of the "
                    f"role {roles[index]!r} where {wanted!r} belongs; it reads {text!r}.",
                    "Put system turns first, then the user and the assistant in turn.",
                )


def check_held_out(examples: Sequence[Example], held_out: Sequence[Task]) -> None:
    """Raise GateError if a user turn is a held-out task's prompt, ignoring case and white space."""
    prompts = {_key(task.prompt[-1].content): task.id for task in held_out if task.prompt}
    for example in examples if prompts else ():
        for message in example.messages:
            task = prompts.get(_key(message.content)) if message.role == "user" else None
            if task is not None:
                raise GateError(
                    f"row {example.id} contains the prompt of the held-out task {task}: {message.content[:SHOWN]!r}.",
                    "Remove the row, or measure on other tasks: what was trained on cannot be measured.",
                )


def check_answers(examples: Sequence[Example], allowed: float) -> None:
    """Raise GateError if one answer ends more than a share ``allowed`` of all conversations."""
    answers = Counter(
        example.messages[-1].content.strip()
        for example in examples
        if example.messages and example.messages[-1].role == "assistant"
    )
    total = answers.total()
    if total < ENOUGH_ROWS:
        return
    ((answer, count),) = answers.most_common(1)
    if count > allowed * total:
        raise GateError(
            f"{count} of {total} conversations have one and the same answer, {answer[:SHOWN]!r}: all are of one class, "
            "and a model learns to say that whatever it is asked.",
            "Add rows with other answers, or allow it with data.gates.same_answer.",
        )


def check_duplicates(encoded: Sequence[EncodedExample], allowed: float, show: Callable[[EncodedExample], str]) -> int:
    """Raise GateError if more than a share ``allowed`` of rows have the tokens of an earlier row of another id."""
    first: dict[bytes, str] = {}
    repeated: list[tuple[EncodedExample, str]] = []
    for row in encoded:
        digest = hashlib.blake2b(array("q", row.input_ids).tobytes(), digest_size=16).digest()
        if first.setdefault(digest, row.id) != row.id:
            repeated.append((row, first[digest]))
    if len(encoded) >= ENOUGH_ROWS and len(repeated) > allowed * len(encoded):
        row, earlier = repeated[0]
        raise GateError(
            f"{len(repeated)} of {len(encoded)} rows repeat an earlier row; row {row.id} is row {earlier}: "
            f"{show(row)}.",
            "Remove the copies, or allow them with data.gates.duplicates.",
        )
    return len(repeated)


def _key(text: str) -> str:
    return " ".join(text.casefold().split())
