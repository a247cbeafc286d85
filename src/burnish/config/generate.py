"""How completions are sampled."""

from __future__ import annotations

from pydantic import Field, model_validator

from burnish.config.base import Config


class SamplingConfig(Config):
    """Sampling options, named as transformers names them."""

    samples: int = Field(1, ge=1)
    """Completions per task."""
    max_new_tokens: int = Field(256, ge=1)
    """A completion that reaches this is cut and marked ``length``."""
    temperature: float = Field(0.0, ge=0)
    """0 is greedy decoding."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Nucleus mass; 1 keeps all tokens."""
    batch_size: int = Field(64, ge=1)
    """Sequences decoded together."""

    @model_validator(mode="after")
    def _samples_differ(self) -> SamplingConfig:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(f"samples is {self.samples} with temperature 0: greedy samples are all the same")
        return self
