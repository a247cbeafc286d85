"""What must hold of training rows before the first step."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from burnish.config.base import Config


class GatesConfig(Config):
    """Limits of the gates; a row that no limit can excuse (no trained token, no end of turn) always stops the run."""

    min_coverage: float = Field(0.005, ge=0, le=1)
    """Smallest share of the tokens of conversations that may be trained."""
    max_coverage: float = Field(0.995, ge=0, le=1)
    """Largest share of the tokens of conversations that may be trained."""
    truncated_answers: float = Field(0.0, ge=0, le=1)
    """Share of answers that truncation may cut; a cut answer is trained without an end of turn."""
    same_answer: float = Field(0.95, gt=0, le=1)
    """Largest share of conversations that may have one and the same last answer; 1 allows all."""
    duplicates: float = Field(0.5, ge=0, le=1)
    """Largest share of rows that may repeat another row's content under an id of their own."""

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.min_coverage > self.max_coverage:
            raise ValueError(f"min_coverage {self.min_coverage} is above max_coverage {self.max_coverage}")
        return self
