"""Configure the checks of training rows before the first step."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from burnish.config.base import Config


class GatesConfig(Config):
    """Set the limits of the gates.

    A row without a trained token or without an end of turn always stops the run."""

    min_coverage: float = Field(0.005, ge=0, le=1)
    """Smallest share of the tokens of conversations that may be trained."""
    max_coverage: float = Field(0.995, ge=0, le=1)
    """Largest share of the tokens of conversations that may be trained."""
    truncated_answers: float = Field(0.0, ge=0, le=1)
    """Largest share of answers that truncation may cut; a cut answer is trained without an end of turn."""
    same_answer: float = Field(0.95, gt=0, le=1)
    """Largest share of conversations that may have one and the same last answer; 1 allows all."""
    control_tokens: Literal["refuse", "allow"] = "refuse"
    """How to treat rows whose text holds a control token such as ``<|im_end|>``: the tokenizer turns it into that
    token, and a turn or a document ends there."""
    duplicates: float = Field(0.5, ge=0, le=1)
    """Largest share of rows that may repeat another row's content under a different id."""

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.min_coverage > self.max_coverage:
            raise ValueError(f"min_coverage {self.min_coverage} is above max_coverage {self.max_coverage}")
        return self
