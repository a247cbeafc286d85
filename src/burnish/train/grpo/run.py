"""GRPO of an adapter or of every weight, on rewards that the caller's judge gives; resumable bit for bit on a CPU.

How completions are written and judged is handed in, since stages do not import one another. Not covered: several
processes; the loss and what is in it (`train.grpo.trainer`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback, set_seed
from trl.trainer.grpo_config import GRPOConfig

from burnish.config.model import ModelConfig
from burnish.config.stages.recipe import GrpoStage
from burnish.errors import ConfigError
from burnish.fsio import digest_json
from burnish.model.base import LoadedModel, load_model
from burnish.records.layout import BAD_BATCH, ROLLOUTS
from burnish.train.arguments import common_arguments, planned_steps
from burnish.train.checkpoints.complete import CompleteCheckpoints, latest_complete, step_of
from burnish.train.checkpoints.provenance import made_with, origin_of, start_digest
from burnish.train.checkpoints.save_result import save_result, train_to_end
from burnish.train.checkpoints.stale import drop_foreign_checkpoints
from burnish.train.grpo.prompt_pool import PromptPool
from burnish.train.grpo.rollouts import Answer, Judge, Rollouts, Write, truncate_rollouts
from burnish.train.grpo.trainer import GrpoTrainer, judged_elsewhere
from burnish.train.watch.training_log import watch_training
from burnish.train.weights.adapters import attach_adapter
from burnish.train.weights.continue_adapter import continue_adapter
from burnish.train.weights.kernels import Deterministic
from burnish.train.weights.optimizer import make_optimizer
from burnish.train.weights.reference import kept_as_it_is, refuse_adapted_output
from burnish.train.weights.schedule import learning_rate_share


@dataclass(frozen=True)
class Prompts:
    """What the policy is asked."""

    task_ids: Sequence[str]
    ids: Sequence[Sequence[int]]
    """Tokens of each prompt, the generation prompt at their end."""
    stop_ids: frozenset[int]
    """Tokens that end an answer."""
    pass_rates: Mapping[int, float] = field(default_factory=dict)
    """What is known of earlier answers, in 0..1, by the index of the task."""

    @property
    def digest(self) -> str:
        """SHA-256 over names, tokens and pass rates."""
        asked = [[name, list(ids)] for name, ids in zip(self.task_ids, self.ids, strict=True)]
        return digest_json([asked, sorted(self.pass_rates.items())])


@dataclass(frozen=True)
class GrpoResult:
    """What training left behind."""

    trained: Path
    """The adapter's folder, or the model's where every weight was trained."""
    steps: int
    """Optimiser steps behind the result."""
    seconds: float
    """Wall time of this attempt."""


def run_grpo(
    *,
    base: Path,
    model: ModelConfig,
    stage: GrpoStage,
    prompts: Prompts,
    write: Write,
    judge: Judge,
    judged_by: str,
    out: Path,
    seed: int,
    log: Callable[[int, Mapping[str, float]], None],
    callbacks: Sequence[TrainerCallback] = (),
    start: Path | None = None,
) -> GrpoResult:
    """Train to the end, or go on from the last complete checkpoint in ``out/checkpoints``; writes ``out/adapter``,
    or ``out/model`` where every weight was trained, and every judged completion to ``out/rollouts.jsonl``.

    Args:
        base: folder of the model that is trained.
        model: dtype and device; ``model.base`` is not read.
        stage: settings.
        prompts: of the training tasks.
        write: the sampler; not used with vLLM.
        judge: verdict and score of a completion, by the index of its task.
        judged_by: digest of all that decides verdict and score.
        out: folder of the stage.
        seed: of adapter initialisation, prompts and samples.
        log: called every ``stage.log_every`` steps; see `train.grpo.rollout_metrics` and `train.watch.meter`.
        callbacks: further ones of the trainer; see `watch_training`.
        start: adapter folder whose weights are trained on; None begins with fresh ones.

    Raises:
        ConfigError: sizes that do not divide, fewer prompts than a generation batch takes, prompts that leave no room
            for an answer, an adapter on the output layer.
        UserError: loss or gradient stopped being a number, or sampler and trainer disagree.
        InfraBudgetError: too much could not be judged.
        DeviceMemoryError: the accelerator is too small; checkpoints stay.
        KeyboardInterrupt: after Ctrl-C, with a checkpoint on disk.
    """
    started = time.monotonic()
    rows = len(prompts.ids) * stage.num_generations * stage.num_iterations
    settings = common_arguments(stage, rows=rows, out=out / "checkpoints", seed=seed)
    loaded = load_model(base, model)
    check_prompts(prompts, stage, loaded.model)
    origin = origin_of(base, model, loaded, prompts.digest)
    beginning = {"start": start_digest(start), "verdicts and rewards": judged_by}
    described = made_with(origin, model, loaded, stage, seed, dataset="prompts") | beginning
    drop_foreign_checkpoints(out / "checkpoints", described)
    trainer = _make_trainer(loaded, stage, settings=settings, seed=seed, start=start, rows=rows)
    trainer.bad_batch = out / BAD_BATCH
    trainer.stop_ids, trainer.eos_token_ids = prompts.stop_ids, sorted(prompts.stop_ids)
    watch_training(trainer, name=stage.name, steps=trainer.args.max_steps, log=log, callbacks=callbacks)
    if stage.vllm is not None:
        write = _vllm_writer(trainer, prompts.stop_ids)
    with _rollouts(prompts, stage, write, judge, out=out, seed=seed) as trainer.rollouts:
        train_to_end(trainer, out / "checkpoints", stage.name, lower="micro_batch or decode_batch")
    trained, steps = save_result(trainer, loaded, stage, origin, base=base, out=out)
    return GrpoResult(trained, steps, time.monotonic() - started)


def _rollouts(prompts: Prompts, stage: GrpoStage, write: Write, judge: Judge, *, out: Path, seed: int) -> Rollouts:
    """Those of ``out``, without what was written after its latest complete checkpoint."""
    checkpoint = latest_complete(out / "checkpoints")
    truncate_rollouts(out / ROLLOUTS, 0 if checkpoint is None else step_of(Path(checkpoint)))
    return Rollouts(
        prompts.ids,
        prompts.task_ids,
        PromptPool(len(prompts.ids), seed=seed, revisit_share=stage.revisit_share, rates=prompts.pass_rates),
        write=write,
        judge=judge,
        group=stage.num_generations,
        decode_batch=stage.decode_batch,
        seed=seed,
        sampling={"temperature": stage.temperature, "max_new_tokens": stage.max_completion_length, "seed": seed},
        file=out / ROLLOUTS,
    )


def check_prompts(prompts: Prompts, stage: GrpoStage, model: Any) -> None:
    """ConfigError where prompts are too few, or leave no room for an answer."""
    wanted = stage.completions_per_generation // stage.num_generations
    if len(prompts.ids) < wanted:
        raise ConfigError(
            f"stage {stage.name!r} draws {wanted} different tasks at once, and there are {len(prompts.ids)}.",
            "Build more training tasks, or lower effective_batch (completions: prompts x num_generations).",
        )
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    for name, ids in zip(prompts.task_ids, prompts.ids, strict=True):
        if context is not None and len(ids) + stage.max_completion_length > context:
            raise ConfigError(
                f"the prompt of {name} has {len(ids)} tokens: with max_completion_length "
                f"{stage.max_completion_length} that is more than the model's context of {context}.",
                "Lower max_completion_length, or take the task out.",
            )


def _make_trainer(
    loaded: LoadedModel, stage: GrpoStage, *, settings: dict[str, Any], seed: int, start: Path | None, rows: int
) -> Any:
    arguments = _arguments(loaded, stage, settings)
    set_seed(seed)
    trained = attach_adapter(loaded.model, stage.adapter)
    if start is not None:
        continue_adapter(trained, start, stage.adapter.kind)
    refuse_adapted_output(trained, "the loss reads")
    optimizer = make_optimizer(trained, stage)
    with kept_as_it_is(trained):
        trainer = GrpoTrainer(
            model=trained,
            reward_funcs=judged_elsewhere,
            args=arguments,
            train_dataset=Dataset.from_dict({"prompt": [""] * 2}),
            processing_class=loaded.tokenizer,
            optimizers=(optimizer, LambdaLR(optimizer, learning_rate_share(stage, planned_steps(stage, rows)))),
            callbacks=[CompleteCheckpoints(), Deterministic(stage.kernels)],
        )
    trainer.dynamic_sampling = stage.dynamic_sampling
    return trainer


def _arguments(loaded: LoadedModel, stage: GrpoStage, settings: dict[str, Any]) -> Any:
    on_cpu = loaded.device.type == "cpu"
    said: dict[str, Any] = settings | {
        "use_cpu": on_cpu,
        "bf16": not on_cpu and next(loaded.model.parameters()).dtype == torch.bfloat16,
        "include_num_input_tokens_seen": "no",
        "num_generations": stage.num_generations,
        "generation_batch_size": stage.completions_per_generation,
        "num_iterations": stage.num_iterations,
        "max_completion_length": stage.max_completion_length,
        "mask_truncated_completions": stage.mask_truncated_completions,
        "temperature": stage.temperature,
        "loss_type": stage.loss_type,
        "epsilon": stage.epsilon,
        "epsilon_high": stage.epsilon_high,
        "importance_sampling_level": stage.importance_sampling_level,
        "scale_rewards": stage.scale_rewards,
        "beta": stage.beta,
        "entropy_coef": stage.entropy_coef,
    }
    if (vllm := stage.vllm) is not None:
        said |= {
            "use_vllm": True,
            "vllm_mode": vllm.vllm_mode,
            "vllm_server_base_url": vllm.vllm_server_base_url,
            "vllm_gpu_memory_utilization": vllm.vllm_gpu_memory_utilization,
        }
    arguments: Any = GRPOConfig(**said)
    arguments._n_gpu = min(1, arguments.n_gpu)  # several visible GPUs would silently become DataParallel
    return arguments


def _vllm_writer(trainer: Any, stop_ids: frozenset[int]) -> Write:
    """TRL's own way to vLLM, weights brought up to date; its log-probabilities are corrected in the loss."""

    def write(_: Any, prompts: Sequence[Sequence[int]], __: int) -> list[tuple[int, Answer]]:
        written, logprobs = trainer._generate_single_turn([list(ids) for ids in prompts], None, {}, 1)
        texts = trainer.processing_class.batch_decode(written, skip_special_tokens=True)
        return [
            (place, Answer(list(ids), text, bool(ids) and ids[-1] in stop_ids, said))
            for place, (ids, text, said) in enumerate(zip(written, texts, logprobs, strict=True))
        ]

    return write
