"""Sum up a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from burnish.config.data.training_data import DataConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.stage import Needs, Product, Stage


class ReportStage(Stage):
    """Write ``summary.json`` and ``report.html``, and print the table."""

    kind: Literal["report"] = "report"
    makes: ClassVar[tuple[Product, ...]] = ("report",)
    workflow: ClassVar[str] = "burnish.workflows.evaluate.report_stage:report"
    compare: tuple[tuple[str, str], ...] = ()
    """Further pairs of measured models to compare, the earlier one first, named as their evaluate stages have them in
    ``model``, or by the stage's name where it has ``tasks`` of its own. Every model is always compared with the first
    one on the same tasks and with the one before it; the first pair here heads the page, by default the last model with
    the first one."""

    def needs(self, data: DataConfig) -> Needs:
        return Needs(all_before=True)

    def check(self, data: DataConfig, model: ModelConfig, before: Mapping[str, Stage]) -> None:
        measured = [
            str(getattr(stage, "model", stage.name)) if getattr(stage, "tasks", None) is None else stage.name
            for stage in before.values()
            if "measurement" in stage.makes
        ]
        for a, b in self.compare:
            unclear = next((name for name in (a, b) if measured.count(name) != 1), None)
            if unclear is not None:
                raise ValueError(f"compares {unclear!r}, evaluated {measured.count(unclear)} times before, not once")
            if measured.index(a) >= measured.index(b):
                raise ValueError(f"compares {b!r} with the later {a!r}: name the earlier first")
