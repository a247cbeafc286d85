"""In how many processes a stage trains.

Every process keeps the whole model (torch's DDP), or a share of it (FSDP2). Not covered: DeepSpeed, whose third stage
does what FSDP2 does.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from burnish.config.base import Config


class LaunchConfig(Config):
    """Processes of a training; ``effective_batch`` stays what it is, however many there are."""

    processes: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Training processes on each machine; ``auto`` is one per visible GPU, and one on a CPU."""
    strategy: Literal["ddp", "fsdp2"] = "ddp"
    """``ddp``: every process keeps the whole model. ``fsdp2``: weights, gradients and optimiser states are shared out
    among the processes, for sft and pretrain stages in full precision; adapters and models come out whole."""
    nodes: int = Field(1, ge=1)
    """Machines; each of the others runs the command that the first one prints."""
    rendezvous: str | None = None
    """``HOST:PORT`` of the first machine, where the others find it."""

    @model_validator(mode="after")
    def _parts_go_together(self) -> LaunchConfig:
        if self.nodes > 1 and self.rendezvous is None:
            raise ValueError("several nodes need rendezvous: HOST:PORT of the first one")
        return self
