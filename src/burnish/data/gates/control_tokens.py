"""Refuse control tokens inside contents: ``<|im_end|>`` in an answer is text to a reader, and an end to a model.

A tokenizer turns such text into the control token, whoever wrote it, so that a row would hold a turn that its
conversation does not have. Not covered: tokens that a chat template writes itself; tokens that the vocabulary does not
call special (``<think>`` in most).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from burnish.errors import GateError
from burnish.model.chat_template import control_tokens
from burnish.records import Example

AROUND = 40
"""Characters shown before and after a control token."""


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
