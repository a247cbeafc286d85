"""Configure the training processes and what each of them holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from burnish.config.base import Config

OWN_SECTIONS = {
    "optimizer": "optimizer, learning_rate and weight_decay",
    "scheduler": "schedule and warmup_share",
    "fp16": "model.dtype (bfloat16 or float32)",
}
"""Sections of a DeepSpeed configuration that recipe settings decide."""


class LaunchConfig(Config):
    """Set the processes of a training; ``effective_batch`` does not depend on their number."""

    processes: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Training processes on each machine; ``auto`` is one per visible GPU, and one on a CPU."""
    strategy: Literal["ddp", "fsdp2", "deepspeed"] = "ddp"
    """``ddp``: every process keeps the whole model. ``fsdp2``: weights, gradients and optimiser states are sharded over
    the processes, for sft and pretrain stages in full precision; saved adapters and models are whole. ``deepspeed``: as
    the file in ``deepspeed`` configures, for sft and pretrain stages."""
    deepspeed: Path | None = None
    """DeepSpeed's configuration as JSON: ZeRO 0 to 2, offloading, communication. ``"auto"`` uses the stage's value."""
    nodes: int = Field(1, ge=1)
    """Number of machines; each of the others runs the command that the first one prints."""
    rendezvous: str | None = None
    """``HOST:PORT`` of the first machine, to which the others connect."""

    @model_validator(mode="after")
    def _parts_go_together(self) -> LaunchConfig:
        if self.nodes > 1 and self.rendezvous is None:
            raise ValueError("several nodes need rendezvous: HOST:PORT of the first one")
        if (self.strategy == "deepspeed") != (self.deepspeed is not None):
            raise ValueError("strategy deepspeed and deepspeed: FILE.json belong together: set both, or neither")
        if self.deepspeed is not None:
            read_deepspeed(self.deepspeed)
        return self


ALONE = LaunchConfig()
"""Whether every process holds the whole weights."""


def read_deepspeed(file: Path) -> dict[str, Any]:
    """Read a DeepSpeed configuration; raise ValueError if unreadable or in conflict with a stage."""
    try:
        settings = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"deepspeed: {file} cannot be read as JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"deepspeed: {file} does not hold a JSON object")
    for section, instead in OWN_SECTIONS.items():
        if section in settings:
            raise ValueError(
                f"deepspeed: {file} has {section!r}; set {instead} in the recipe instead, and remove it from the file"
            )
    zero = settings.get("zero_optimization", {})
    if not isinstance(zero, dict):
        raise ValueError(f"deepspeed: zero_optimization in {file} is not a JSON object")
    if zero.get("stage", 0) not in (0, 1, 2):
        raise ValueError(f"deepspeed: {file} shards weights (ZeRO 3): use strategy fsdp2 for that, or ZeRO stage 2")
    return settings
