"""Configure how conversations become tokens and labels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.config.base import Config


class ChatConfig(Config):
    """Choose the trained turns of a conversation and the truncation of long ones."""

    train_roles: tuple[Literal["system", "user", "assistant"], ...] = Field(("assistant",), min_length=1)
    """Whose turns are trained; the end of an assistant's turn always is."""
    thinking: Literal["keep", "strip", "untrained"] = "keep"
    """``<think>`` blocks of answers: trained like other tokens (a chat template that drops one is refused), removed, or
    kept but not trained."""
    truncate: Literal["refuse", "left", "right", "middle"] = "refuse"
    """A conversation longer than ``max_length`` stops the run, or loses its oldest exchanges and then the start, the
    end or the middle of its question; answers are cut last. Documents are split into chunks, never cut."""
