"""Fine-tune on answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from burnish.config.data.training_data import DataConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.stage import AdapterStage, ContinuingStage, Needs, Stage, TaskPart, TrainingStage

SHARED_OUT = ("full", "lora", "rslora")
"""Adapters whose weights can be shared out among processes."""


class SftStage(ContinuingStage, TrainingStage):
    """Supervised fine-tuning on answers only, of an adapter or of the whole model."""

    kind: Literal["sft"] = "sft"
    training_function: ClassVar[str] = "burnish.workflows.train.sft:tune"
    max_length: int = Field(512, ge=16)
    """Longest row in tokens; ``data.chat.truncate`` says what happens to longer conversations."""
    packing: bool = False
    """Put several rows into one sequence of ``max_length`` tokens, without one seeing the other. Before training, the
    losses of packed rows are compared with those of the rows alone; training is refused where they differ."""
    streaming: bool = False
    """Read ``data.sources`` while training instead of before; needs ``max_steps``. Rows come in the order of the
    mixture, each source's weight as it stands; gates look at every chunk of rows when it comes."""
    mix_references: float = Field(0.0, ge=0, lt=1)
    """Share of the rows that are reference answers to training tasks, beside ``data.sources``; without sources all rows
    are such answers. Where the task set has fewer, all of them are taken."""

    @model_validator(mode="after")
    def _stream_has_an_end(self) -> SftStage:
        self.check_evaluation(self.streaming)
        return self

    def needs(self, data: DataConfig) -> Needs:
        tasks: tuple[TaskPart, ...] = () if data.sources and not self.mix_references else ("train",)
        return self.training_needs(self.start_needs(Needs(tasks=tasks, sources=bool(data.sources), encodes=True)))

    def check(self, data: DataConfig, model: ModelConfig, before: Mapping[str, Stage]) -> None:
        super().check(data, model, before)
        if self.streaming and (self.starts_at_a_path or isinstance(before.get(self.start_from), AdapterStage)):
            raise ValueError("streams, and a stream starts from a model, not an adapter yet")
        if self.streaming and not data.sources:
            raise ValueError("streams: name data.sources")
        if self.mix_references and (self.streaming or not data.sources):
            raise ValueError("mixes references into data.sources: name sources, and do not stream them")

    def sharding_refusal(self, model: ModelConfig) -> str | None:
        refusal = self.whole_weights_refusal(model)
        if refusal is None and self.adapter.kind not in SHARED_OUT:
            return f"goes with the adapters {', '.join(SHARED_OUT)}: for {self.adapter.kind} use ddp"
        return refusal
