"""Train every weight on plain text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import model_validator

from burnish.config.compatibility import IllegalCombinationError, training_refusal
from burnish.config.data.training_data import DataConfig
from burnish.config.model import ModelConfig
from burnish.config.presets import PRESETS, ModelShape, Preset
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.config.stages.stage import NamedFiles, Needs, Product, Reads, Stage, TrainingStage


class PretrainStage(TrainingStage, Stage, ModelShape, OptimizerConfig):
    """Train every weight on plain text: a new Llama-shaped model with its tokenizer, or one that is there already.

    The text is that of a corpus stage, of token bins, or of ``data.sources``, in this order.
    """

    kind: Literal["pretrain"] = "pretrain"
    makes: ClassVar[tuple[Product, ...]] = ("model",)
    training_function: ClassVar[str] = "burnish.workflows.train.pretrain:pretrain"
    may_be_called_base: ClassVar[bool] = True
    corpus: str | None = None
    """Name of the corpus stage."""
    tokens: Path | None = None
    """Folder of token bins, as ``burnish data build tokens`` writes it; its tokenizer becomes the model's."""
    streaming: bool = False
    """Read ``data.sources`` while training instead of before; needs ``max_steps``."""
    preset: Preset | None = None
    """A model shape by name; further shape settings override it."""
    start_from: str | None = None
    """None makes a new model; ``base``, or the name of an earlier pretrain or merge stage, is trained on."""
    optimizer: Literal["adamw", "muon"] = "muon"
    """``muon`` is torch's Muon on the hidden matrices and AdamW on the rest; ``adamw`` is AdamW on everything."""

    @model_validator(mode="before")
    @classmethod
    def _shape_of_the_preset(cls, settings: object) -> object:
        shape = PRESETS.get(settings.get("preset", "")) if isinstance(settings, dict) else None
        return settings if shape is None or not isinstance(settings, dict) else shape.model_dump() | settings

    @model_validator(mode="after")
    def _parts_go_together(self) -> PretrainStage:
        if self.corpus is not None and self.tokens is not None:
            raise ValueError("corpus and tokens are both given; a stage reads one of them")
        if self.streaming and (self.corpus is not None or self.tokens is not None):
            raise ValueError("streaming reads data.sources: leave corpus and tokens out")
        self.check_evaluation(self.streaming)
        if self.hidden_size % self.heads or self.hidden_size // self.heads % 2:
            raise ValueError(f"hidden_size {self.hidden_size} is no even multiple of {self.heads} heads")
        if self.start_from is not None:
            fields = ModelShape.model_fields
            shaped = [key for key in fields if key != "block_size" and getattr(self, key) != fields[key].default]
            if self.preset is not None or shaped:
                raise ValueError(f"start_from has a shape already: leave out {', '.join(shaped) or 'preset'}")
        return self

    def reads(self) -> tuple[Reads, ...]:
        start = () if self.start_from is None else (Reads("start_from", ("model",)),)
        return start if self.corpus is None else (*start, Reads("corpus", ("corpus",)))

    def needs(self, data: DataConfig) -> Needs:
        own_text = self.corpus is not None or self.tokens is not None
        return self.training_needs(
            Needs(
                sources=not own_text,
                data=() if own_text else ("chat",),
                files={} if self.tokens is None else {"tokens": NamedFiles(self.tokens, "token bins")},
            )
        )

    def check(self, data: DataConfig, model: ModelConfig, before: Mapping[str, Stage]) -> None:
        if self.corpus is None and self.tokens is None and not data.sources:
            raise ValueError("has no text: name its corpus or tokens, or data.sources")
        refusal = None if self.start_from is None else training_refusal("pretrain", "full", model.base_kind)
        if refusal is not None:
            raise IllegalCombinationError(refusal)

    def method_name(self) -> str:
        return "PT"

    def sharding_refusal(self, model: ModelConfig) -> str | None:
        return self.whole_weights_refusal(model, new=self.start_from is None)
