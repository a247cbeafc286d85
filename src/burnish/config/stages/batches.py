"""Batch arithmetic: how processes share an effective batch in whole micro batches. Needs no torch: plans ask it too.

Not covered: micro batches that do not fit into memory (`train.micro_batch`).
"""

from __future__ import annotations

from burnish.config.stages.optimizer import OptimizerConfig
from burnish.errors import ConfigError


def smaller_micro_batch(config: OptimizerConfig, processes: int = 1) -> int | None:
    """Half the micro batch, or the next smaller one that leaves accumulation whole; None when it is 1."""
    share, rest = divmod(config.effective_batch, processes)
    return None if rest else next((size for size in range(config.micro_batch // 2, 0, -1) if share % size == 0), None)


def shared_micro_batch(config: OptimizerConfig, processes: int) -> int:
    """Return the micro batch of the processes: the given one, otherwise the largest smaller one with whole
    accumulation."""
    if "micro_batch" in config.model_fields_set or config.effective_batch % (config.micro_batch * processes) == 0:
        return config.micro_batch
    return smaller_micro_batch(config, processes) or config.micro_batch


def accumulation_steps(config: OptimizerConfig, processes: int = 1) -> int:
    """Micro batches that one process takes in an optimiser step.

    Raises ConfigError when the processes cannot share the effective batch in whole micro batches.
    """
    together = config.micro_batch * processes
    if config.effective_batch % together == 0:
        return config.effective_batch // together
    if processes == 1:
        raise ConfigError(
            f"micro_batch {config.micro_batch} does not divide effective_batch {config.effective_batch}.",
            "Choose numbers where accumulation is whole: effective_batch = micro_batch x accumulation.",
        )
    share, rest = divmod(config.effective_batch, processes)
    fitting = [] if rest else [size for size in range(1, config.micro_batch + 1) if share % size == 0]
    raise ConfigError(
        f"effective_batch {config.effective_batch} is not a multiple of micro_batch {config.micro_batch}"
        f" x {processes} processes.",
        f"Set micro_batch to {fitting[-1]}; effective_batch = micro_batch x processes x accumulation."
        if fitting
        else f"Set effective_batch to a multiple of {processes}, or launch.processes to a divisor of it.",
    )
