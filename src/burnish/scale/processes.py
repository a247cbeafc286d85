"""The processes that train together: which one this is, what they agree on, who goes first.

Everything here also works in a process of its own, where it does nothing. Not covered: starting them
(`scale.launch`), sharing out rows (`train.batches.sharing`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed

from burnish.config.launch import LaunchConfig

Value = TypeVar("Value")

PATIENCE = timedelta(days=7)
"""How long a process waits for another: the first one may verify answers for hours meanwhile. When a process dies, its
launcher ends the others."""


def process_count() -> int:
    """Processes that train together, over all machines."""
    return distributed.get_world_size() if _together() else 1


def process_rank() -> int:
    """This one's number among them, from 0."""
    return distributed.get_rank() if _together() else 0


def is_first() -> bool:
    """Whether this process writes what all have made."""
    return process_rank() == 0


def join_processes(*, on_cpu: bool) -> None:
    """Join the others, in a process that `scale.launch` has started: gloo on a CPU, NCCL on GPUs."""
    if not on_cpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("gloo" if on_cpu else "nccl", timeout=PATIENCE)


def wait_for_all() -> None:
    """Go on when every process has come here."""
    if _together():
        distributed.barrier()


@contextmanager
def first_goes_first() -> Iterator[None]:
    """The first process does the body while the others wait; then they do it, and find what it has left on disk."""
    if not is_first():
        wait_for_all()
    try:
        yield
    finally:
        if is_first():
            wait_for_all()


def of_first(value: Value) -> Value:
    """What the first process says; the others' values are dropped."""
    if not _together():
        return value
    said = [value]
    distributed.broadcast_object_list(said, src=0)
    return said[0]


def said_by_all(value: Value) -> list[Value]:
    """What every process says, by rank."""
    if not _together():
        return [value]
    said: list[Value] = [value] * process_count()
    distributed.all_gather_object(said, value)
    return said


def any_says(value: bool) -> bool:
    """Whether it is so in any process."""
    if not _together():
        return value
    on_cpu = distributed.get_backend() == "gloo"
    flag = torch.tensor(int(value), device="cpu" if on_cpu else "cuda")
    distributed.all_reduce(flag, distributed.ReduceOp.MAX)
    return bool(flag.item())


def planned_processes(config: LaunchConfig, device: str) -> int:
    """Processes that ``config`` means on this machine, over all nodes, for ``model.device``."""
    if config.processes != "auto":
        return config.processes * config.nodes
    visible = torch.cuda.device_count() if device != "cpu" else 0
    return max(1, visible) * config.nodes


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
