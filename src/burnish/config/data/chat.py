"""How conversations become tokens and labels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.config.base import Config


class ChatConfig(Config):
    """What of a conversation is trained, and what happens to one that is too long."""

    train_roles: tuple[Literal["system", "user", "assistant"], ...] = Field(("assistant",), min_length=1)
    """Whose turns are trained; the end of an assistant's turn always is."""
    thinking: Literal["keep", "strip", "untrained"] = "keep"
    """``<think>`` blocks of answers: trained like the rest (a chat template that drops one is refused), taken out, or
    left in without being trained."""
    truncate: Literal["refuse", "left", "right", "middle"] = "refuse"
    """A conversation longer than ``max_length`` stops the run, or loses its oldest exchanges and then the begin, the
    end or the middle of its question; answers are cut last. Documents are never cut, they are divided."""
