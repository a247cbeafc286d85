"""In how many processes a stage trains, and how they share the work."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from burnish.config.base import Config


class LaunchConfig(Config):
    """Processes of a training; ``effective_batch`` stays what it is, however many there are."""

    processes: int | Literal["auto"] = Field("auto", ge=1)
    """Training processes on each machine; ``auto`` is one per visible GPU, and one on a CPU."""
    strategy: Literal["ddp", "fsdp2", "deepspeed"] = "ddp"
    """``ddp`` keeps the whole model in every process; ``fsdp2`` shards weights, gradients and optimiser state over
    GPUs; ``deepspeed`` does what its file says."""
    deepspeed: Path | None = None
    """DeepSpeed's own configuration file, passed through."""
    nodes: int = Field(1, ge=1)
    """Machines; each of the others runs the command that the first one prints."""
    rendezvous: str | None = None
    """``HOST:PORT`` of the first machine, where the others find it."""

    @model_validator(mode="after")
    def _parts_go_together(self) -> LaunchConfig:
        if (self.strategy == "deepspeed") != (self.deepspeed is not None):
            raise ValueError("strategy deepspeed and the file in `deepspeed` go together")
        if self.nodes > 1 and self.rendezvous is None:
            raise ValueError("several nodes need rendezvous: HOST:PORT of the first one")
        return self
