"""Merge an adapter into its base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from burnish.config.compatibility import IllegalCombinationError, MergeOnto, merge_refusal
from burnish.config.data.training_data import DataConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.stage import AdapterStage, Needs, Product, Reads, Stage


class MergeStage(Stage):
    """Merge an adapter into its base, and prove that the logits agree."""

    kind: Literal["merge"] = "merge"
    makes: ClassVar[tuple[Product, ...]] = ("model",)
    workflow: ClassVar[str] = "burnish.workflows.export.export:merge"
    adapter: str
    """Name of the stage that left it."""
    onto: MergeOnto = "stored"
    """``stored``: the base's full-precision weights; ``dequantized``: the 4-bit ones that training saw, expanded."""

    def reads(self) -> tuple[Reads, ...]:
        return (Reads("adapter", ("adapter",)),)

    def needs(self, data: DataConfig) -> Needs:
        return Needs(model=True, packages=("training",))

    def check(self, data: DataConfig, model: ModelConfig, before: Mapping[str, Stage]) -> None:
        made_by = before.get(self.adapter)
        if isinstance(made_by, AdapterStage):
            refusal = merge_refusal(made_by.adapter.kind, model.base_kind, self.onto)
            if refusal is not None:
                raise IllegalCombinationError(refusal)
