"""Coordinate the processes of a training: rank, agreement, and order.

In a single process all of these do nothing. Not covered: starting processes (`scale.launch`), distributing rows
(`train.batches.sharing`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed

Value = TypeVar("Value")

PATIENCE = timedelta(days=7)
"""Longest wait for another process: the first one may verify answers for hours. When a process dies, its launcher ends
the others."""


def process_count() -> int:
    """Return the number of training processes, over all machines."""
    return distributed.get_world_size() if _together() else 1


def process_rank() -> int:
    """Return this process's rank, from 0."""
    return distributed.get_rank() if _together() else 0


def is_first() -> bool:
    """Return whether this process writes the shared outputs."""
    return process_rank() == 0


def join_processes(*, on_cpu: bool) -> None:
    """Join the process group of `scale.launch`: gloo on a CPU, NCCL on GPUs."""
    if not on_cpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("gloo" if on_cpu else "nccl", timeout=PATIENCE)


def wait_for_all() -> None:
    """Wait until every process has arrived here."""
    if _together():
        distributed.barrier()


@contextmanager
def first_goes_first() -> Iterator[None]:
    """Run the body in the first process, then in the others, which find its files on disk."""
    if not is_first():
        wait_for_all()
    try:
        yield
    finally:
        if is_first():
            wait_for_all()


def of_first(value: Value) -> Value:
    """Return the first process's value in every process."""
    if not _together():
        return value
    values = [value]
    distributed.broadcast_object_list(values, src=0)
    return values[0]


def gather_values(value: Value) -> list[Value]:
    """Return every process's value, by rank."""
    if not _together():
        return [value]
    values: list[Value] = [value] * process_count()
    distributed.all_gather_object(values, value)
    return values


def any_true(value: bool) -> bool:
    """Return whether the value is true in any process."""
    if not _together():
        return value
    on_cpu = distributed.get_backend() == "gloo"
    flag = torch.tensor(int(value), device="cpu" if on_cpu else "cuda")
    distributed.all_reduce(flag, distributed.ReduceOp.MAX)
    return bool(flag.item())


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
