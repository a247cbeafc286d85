"""Configure how completions are sampled."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from burnish.config.base import Config

HOW_FAST = ("batch_size", "batch_tokens")
"""Options that change the speed of decoding, not the completions."""


class SamplingConfig(Config):
    """Sampling options, named as transformers names them."""

    samples: int = Field(1, ge=1)
    """Completions per task."""
    max_new_tokens: int = Field(256, ge=1)
    """Most tokens of a completion; a longer one is cut and marked ``length``."""
    temperature: float = Field(0.0, ge=0)
    """Sampling temperature; 0 is greedy decoding."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Probability mass of nucleus sampling; 1 keeps all tokens."""
    top_k: int = Field(0, ge=0)
    """Sample from the K most likely tokens; 0 samples from all."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion and are removed from it, in addition to the model's end of turn."""
    thinking: bool | None = None
    """Turn thinking on or off where the chat template supports it (``enable_thinking``); None leaves it to the
    template."""
    batch_size: int = Field(64, ge=1)
    """Most sequences decoded together; halved when the accelerator runs out of memory."""
    batch_tokens: int = Field(65_536, ge=1)
    """Most tokens in the key-value cache over all sequences decoded together, padding included; long sequences run in
    smaller batches."""

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
        """Return the options that decide the text of completions, as recorded with each."""
        return self.model_dump(mode="json", exclude=set(HOW_FAST))
