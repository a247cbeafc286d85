"""Check training rows as a set: role order, control tokens in texts, held-out tasks, one answer for all, duplicates.

A tokenizer turns text like ``<|im_end|>`` into the control token, whoever wrote it, so that a row would hold a turn
that its conversation does not have.

Not covered: tokens that a chat template writes itself, or that the vocabulary does not call special (``<think>`` in
most); near-duplicates and paraphrases of held-out prompts (`data.overlap.contamination`, as a filter).
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from burnish.data.encode.encoded import EncodedExample
from burnish.errors import GateError
from burnish.model.chat_template import control_tokens
from burnish.records import Example, Task

SHOWN = 400
"""Most characters shown of an offending text."""
AROUND = 40
"""Characters shown before and after a control token."""
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


def check_control_tokens(examples: Sequence[Example], tokenizer: Any) -> None:
    """Raise GateError naming the first row whose text holds a control token of the tokenizer."""
    pattern = control_tokens(tokenizer)
    if pattern is None:
        return
    for example in examples:
        texts = [(f"turn {index}", message.content) for index, message in enumerate(example.messages)]
        for where, text in texts or [("its text", example.text or "")]:
            if match := pattern.search(text):
                begin, end = max(0, match.start() - AROUND), match.end() + AROUND
                raise GateError(
                    f"row {example.id}: {where} holds {match.group()!r}, which this tokenizer makes a control token "
                    f"of; it reads {text[begin:end]!r}.",
                    "Reword or remove the row; where control tokens are meant, set data.gates.control_tokens=allow.",
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
