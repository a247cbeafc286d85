"""How completions are sampled."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from burnish.config.base import Config

HOW_FAST = ("batch_size", "batch_tokens")
"""Options that change how fast answers are written, and not which."""


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
    top_k: int = Field(0, ge=0)
    """Choose among so many of the most likely tokens; 0 among all."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion, and are left out of it, beside the model's own end of turn."""
    thinking: bool | None = None
    """Switch the thinking of models whose chat template can (``enable_thinking``); None leaves it to the template."""
    batch_size: int = Field(64, ge=1)
    """Most sequences decoded together; halved while a run's accelerator has too little memory for them."""
    batch_tokens: int = Field(65_536, ge=1)
    """Most tokens that sequences decoded together may take in the key-value cache, padding included; fewer sequences
    run at once where they are long."""

    @field_validator("stop")
    @classmethod
    def _stops_are_texts(cls, stop: tuple[str, ...]) -> tuple[str, ...]:
        if "" in stop:
            raise ValueError("an empty text would end every completion at once")
        return stop

    @model_validator(mode="after")
    def _samples_differ(self) -> SamplingConfig:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(f"samples is {self.samples} with temperature 0: greedy samples are all the same")
        return self

    def deciding(self) -> dict[str, object]:
        """The options that decide what is written, as they are recorded with every completion."""
        return self.model_dump(mode="json", exclude=set(HOW_FAST))
