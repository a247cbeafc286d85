"""Shard weights over the processes (FSDP2), with checkpoints of whole weights and states.

Built on torch's `fully_shard`, on GPUs and on a CPU alike; accelerate's own FSDP runs only on accelerators, and
silently becomes DDP elsewhere. Every process loads the whole model once before it is sharded: this saves the memory of
gradients, optimiser states and, afterwards, of weights. The first process writes a checkpoint from tensors that all
have gathered, in the files of a single process; a resumed training reads `WEIGHTS` and `STATES` beside them, by name,
in any number of processes.

Not covered: quantised weights, several optimisers behind one, adapters that read the weights of their layer (the
configuration schema refuses them), weights that do not fit on a single device.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict, set_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from burnish.errors import ConfigError
from burnish.scale.processes import is_first, process_count, wait_for_all
from burnish.train.weights.deepspeed import LATEST, check_shares

WEIGHTS, STATES = "trained_weights.safetensors", "optimizer_by_name.pt"
"""Files in a checkpoint: the trained weights, and the optimiser's states, both whole and by name."""


def shard(model: Any, *, on_cpu: bool) -> None:
    """Shard the model's weights layer by layer, in place; all processes start with equal weights."""
    mesh = init_device_mesh("cpu" if on_cpu else "cuda", (process_count(),))
    plain: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    layers: set[str] = set(plain._no_split_modules or ())
    for module in [module for module in plain.modules() if type(module).__name__ in layers]:
        fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)


def is_sharded(model: Any) -> bool:
    """Return whether `shard` was applied to the model."""
    return isinstance(model, FSDPModule)


def gather(model: Any) -> None:
    """Replace shards by whole weights in every process, after training."""
    whole: dict[int, nn.Parameter] = {}
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
            module.__class__ = type(module).__bases__[1]  # the class under the one that `fully_shard` added
    for module in model.modules():
        for name, weight in list(module._parameters.items()):
            if isinstance(weight, DTensor):
                if id(weight) not in whole:  # tied weights stay tied
                    whole[id(weight)] = nn.Parameter(weight.full_tensor().detach(), requires_grad=weight.requires_grad)
                module._parameters[name] = whole[id(weight)]


def check_same_strategy(trainer: Any, checkpoint: Path) -> None:
    """Raise ConfigError for a checkpoint of a training under another ``launch.strategy``."""
    was = "fsdp2" if (checkpoint / WEIGHTS).exists() else "deepspeed" if (checkpoint / LATEST).exists() else "ddp"
    now = "fsdp2" if is_sharded(trainer.model) else "deepspeed" if trainer.is_deepspeed_enabled else "ddp"
    if was != now:
        raise ConfigError(
            f"{checkpoint} was made with launch.strategy {was}: its optimiser states are others.",
            f"Continue with that strategy, or remove {checkpoint.parent} to train from the start.",
        )
    check_shares(checkpoint)


class ShardedTraining:
    """Mixin of a trainer: train a model with or without `shard`.

    The model keeps accelerate's mixed precision, without its wrapper for data parallelism.
    """

    def __init__(self, **trainer: Any) -> None:
        super().__init__(**trainer)
        this: Any = self
        if is_sharded(this.model):
            this.accelerator.prepare_model = partial(this.accelerator.prepare_model, evaluation_mode=True)

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip as the trainer does, by the norm over all shards."""
        norm = super()._clip_grad_norm(model)  # type: ignore[misc]
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save whole weights, gathered by all processes and written by the first."""
        this: Any = self
        if not is_sharded(this.model):
            super().save_model(output_dir, _internal_call)  # type: ignore[misc]
            return
        folder = Path(output_dir or this.args.output_dir)
        trained = {name: _whole(weight) for name, weight in _trained(this.model)}
        if is_first():
            folder.mkdir(parents=True, exist_ok=True)
            buffers = dict(this.model.named_buffers())
            this._save(str(folder), state_dict=trained | buffers if isinstance(this.model, PeftModel) else trained)
            save_file({name: weight.contiguous() for name, weight in trained.items()}, folder / WEIGHTS)
        wait_for_all()

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        this: Any = self
        if not is_sharded(this.model):
            super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[misc]
            return
        states = get_optimizer_state_dict(this.model, this.optimizer.optimizer, options=_whole_on_cpu())
        if is_first():
            torch.save({"states": states, "schedule": this.lr_scheduler.state_dict()}, Path(output_dir) / STATES)
        wait_for_all()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        this: Any = self
        if not is_sharded(this.model):
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
            return
        stored = load_file(Path(resume_from_checkpoint) / WEIGHTS)
        with torch.no_grad():
            for name, weight in _trained(this.model):
                whole = stored[name].to(weight.device)
                weight.copy_(distribute_tensor(whole, weight.device_mesh, weight.placements))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        this: Any = self
        if checkpoint is None or not is_sharded(this.model):
            super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
            return
        stored = torch.load(Path(checkpoint) / STATES, map_location="cpu", weights_only=True)
        optimizer = this.optimizer.optimizer
        set_optimizer_state_dict(
            this.model, optimizer, stored["states"], options=StateDictOptions(full_state_dict=True)
        )
        this.lr_scheduler.load_state_dict(stored["schedule"])


def _trained(model: Any) -> Iterator[tuple[str, Any]]:
    return ((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)


def _whole(weight: Any) -> torch.Tensor:
    whole: torch.Tensor = weight.full_tensor() if isinstance(weight, DTensor) else weight
    return whole.detach().cpu()


def _whole_on_cpu() -> StateDictOptions:
    return StateDictOptions(full_state_dict=True, cpu_offload=True)
