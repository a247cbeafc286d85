"""In how many processes a stage trains, and what each of them keeps."""

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
"""Sections of a DeepSpeed configuration that a stage's or the model's own settings decide."""


class LaunchConfig(Config):
    """Processes of a training; ``effective_batch`` stays what it is, however many there are."""

    processes: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Training processes on each machine; ``auto`` is one per visible GPU, and one on a CPU."""
    strategy: Literal["ddp", "fsdp2", "deepspeed"] = "ddp"
    """``ddp``: every process keeps the whole model. ``fsdp2``: weights, gradients and optimiser states are shared out
    among the processes, for sft and pretrain stages in full precision; adapters and models come out whole.
    ``deepspeed``: what ``deepspeed`` says, for sft and pretrain stages."""
    deepspeed: Path | None = None
    """DeepSpeed's configuration as JSON: ZeRO 0 to 2, offloading, communication. ``"auto"`` takes the stage's value."""
    nodes: int = Field(1, ge=1)
    """Machines; each of the others runs the command that the first one prints."""
    rendezvous: str | None = None
    """``HOST:PORT`` of the first machine, where the others find it."""

    @model_validator(mode="after")
    def _parts_go_together(self) -> LaunchConfig:
        if self.nodes > 1 and self.rendezvous is None:
            raise ValueError("several nodes need rendezvous: HOST:PORT of the first one")
        if (self.strategy == "deepspeed") != (self.deepspeed is not None):
            raise ValueError("strategy deepspeed and deepspeed: FILE.json belong together: set both or neither")
        if self.deepspeed is not None:
            read_deepspeed(self.deepspeed)
        return self


ALONE = LaunchConfig()
"""Whole weights in every process."""


def read_deepspeed(file: Path) -> dict[str, Any]:
    """What a DeepSpeed configuration says; ValueError for one that cannot be read or decides what a stage decides."""
    try:
        said = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"deepspeed: {file} cannot be read as JSON: {error}") from error
    if not isinstance(said, dict):
        raise ValueError(f"deepspeed: {file} holds no JSON object")
    for section, instead in OWN_SECTIONS.items():
        if section in said:
            raise ValueError(f"deepspeed: {file} has {section!r}; here that is {instead}: take it out")
    zero = said.get("zero_optimization", {})
    if not isinstance(zero, dict):
        raise ValueError(f"deepspeed: zero_optimization in {file} is no JSON object")
    if zero.get("stage", 0) not in (0, 1, 2):
        raise ValueError(f"deepspeed: {file} shares weights out (ZeRO 3): take strategy fsdp2 for that, or stage 2")
    return said
