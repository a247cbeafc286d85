"""Pass a DeepSpeed configuration to the trainer: gradients and optimiser states are sharded (ZeRO 1 and 2).

The file's values hold; ``"auto"`` takes the stage's value, and a value that contradicts the stage is an error. Built on
the integration of transformers and accelerate. Whole weights stay in every process, so checkpoints and results are
those of DDP; optimiser states are in DeepSpeed's own files, one per process.

Not covered: ZeRO 3 (`train.weights.sharded` shards weights), DeepSpeed's own optimisers and schedules (the
configuration schema refuses them).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from burnish.config.launch import LaunchConfig, read_deepspeed
from burnish.errors import ConfigError
from burnish.scale.processes import process_count

FROM_THE_STAGE = {
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "bf16": {"enabled": "auto"},
}
"""Values for keys missing in the file; DeepSpeed's defaults would not clip, and train in float32."""
LATEST = "latest"
"""The file that DeepSpeed writes into a checkpoint."""


def deepspeed_arguments(launch: LaunchConfig, *, on_cpu: bool) -> dict[str, Any]:
    """Return keyword arguments for ``TrainingArguments``; empty for another strategy."""
    if on_cpu:
        # If DeepSpeed is installed, accelerate imports it for any training, and it warns without a GPU.
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
        if launch.deepspeed is not None:
            _without_compiling()
    return {} if launch.deepspeed is None else {"deepspeed": FROM_THE_STAGE | read_deepspeed(launch.deepspeed)}


def _without_compiling() -> None:
    """Remove the operation that DeepSpeed would compile for the CPU when it starts.

    It is a reduction for inference, which training does not use, and a killed compilation leaves a lock that blocks
    every later process without a message.
    """
    from deepspeed import ops

    ops.__compatible_ops__["deepspeed_shm_comm"] = False


def check_agreement(arguments: Any) -> None:
    """Raise ConfigError where the DeepSpeed configuration in the trainer's arguments contradicts the stage."""
    config = getattr(arguments, "hf_deepspeed_config", None)
    if config is not None and config.mismatches:
        contradictions = "; ".join(config.mismatches).replace("- ", "")
        raise ConfigError(
            f"the DeepSpeed configuration and the stage do not agree: {contradictions}.",
            'Write "auto" there: the stage decides.',
        )


class DeepspeedTraining:
    """Mixin of a trainer: keep the given optimiser and schedule.

    Under DeepSpeed the trainer of transformers would silently make its own AdamW and a linear schedule.
    """

    def __init__(self, **trainer: Any) -> None:
        super().__init__(**trainer)
        self._given = trainer.get("optimizers", (None, None))

    def create_optimizer(self, *arguments: Any, **named: Any) -> Any:
        """Return the given optimiser."""
        this: Any = self
        if not this.is_deepspeed_enabled:
            return super().create_optimizer(*arguments, **named)  # type: ignore[misc]
        this.optimizer = self._given[0]
        return this.optimizer

    def create_scheduler(self, *arguments: Any, **named: Any) -> Any:
        """Return the given schedule."""
        this: Any = self
        if not this.is_deepspeed_enabled:
            return super().create_scheduler(*arguments, **named)  # type: ignore[misc]
        this.lr_scheduler = self._given[1]
        return this.lr_scheduler


def check_shares(checkpoint: Path) -> None:
    """Raise ConfigError for a DeepSpeed checkpoint that was written by another number of processes."""
    shares = len(list(checkpoint.glob("global_step*/*zero_pp_rank_*_optim_states.pt")))
    if shares not in (0, process_count()):
        raise ConfigError(
            f"{checkpoint} was made by {shares} processes, and a share of DeepSpeed's states belongs to each.",
            f"Set launch.processes so that {shares} train, or remove {checkpoint.parent} to train from the start.",
        )
