"""Training conversations."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import StrictStr, model_validator

from burnish.records.base import Record
from burnish.records.task import Message


class Example(Record):
    """One conversation (``messages``) or one document (``text``) to train on, never a conversation joined to text."""

    id: str
    """``source:place``, where place is a line, a row number or a path."""
    messages: tuple[Message, ...] = ()
    text: StrictStr | None = None
    """Source code or prose, trained on from its first token to an end-of-sequence token; None for conversations."""
    weight: float = 1.0
    """Weight of its tokens in the loss."""
    trained_answers: Literal["all", "last"] = "all"
    """Which of the assistant's turns are trained; ``last`` leaves earlier ones as they were said, right or wrong."""
    source: str = ""
    """Name of the source in the configuration."""
    path: str = ""
    """Path in the repository or folder it came from, with ``/``; empty when unknown."""
    licence: str = ""
    """SPDX expression as the source gives it; empty when unknown."""
    task_type: str = ""
    """What the row teaches, where the source says so; task weights of a mixture go by it."""
    origin: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.messages) == (self.text is not None):
            raise ValueError("an example has either messages or a text")
        return self
