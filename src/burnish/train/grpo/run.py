"""Train an adapter or all weights with GRPO, on the caller's rewards; resumable bit for bit on a CPU.

The caller passes functions that write and judge, since stages do not import one another. Not covered: several
processes; the loss and what is in it (`train.grpo.trainer`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl.trainer.grpo_config import GRPOConfig

from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.errors import ConfigError
from burnish.model.base import LoadedModel
from burnish.model.context import context_length
from burnish.records.layout import ROLLOUTS
from burnish.train.checkpoints.complete import CompleteCheckpoints, latest_complete, step_of
from burnish.train.grpo.prompt_pool import PromptPool, Prompts
from burnish.train.grpo.rollouts import Answer, Judge, Rollouts, Write, truncate_rollouts
from burnish.train.grpo.trainer import GrpoTrainer, judged_elsewhere
from burnish.train.job import TrainingJob, TrainingResult, open_checkpoints, train_adapter, trainer_parts
from burnish.train.weights.kernels import Deterministic
from burnish.train.weights.reference import kept_as_it_is


def run_grpo(
    job: TrainingJob[GrpoStage], prompts: Prompts, write: Write, judge: Judge, *, judged_by: str
) -> TrainingResult:
    """Train on rewards of the model's completions; every judged completion goes to ``out/rollouts.jsonl``.

    Args:
        job: the training.
        prompts: of the training tasks.
        write: the sampler; not used with vLLM.
        judge: verdict and score of a completion, by the index of its task.
        judged_by: digest of everything that decides verdict and score.

    Raises:
        ConfigError: fewer prompts than a generation batch takes, prompts that leave no room for an answer, an adapter
            on the output layer.
        UserError: sampler and trainer disagree.
        InfraBudgetError: too much could not be judged.
        What a `TrainingJob` raises.
    """
    (folder, steps), seconds = job.fitting(lambda fitting: _train(fitting, prompts, write, judge, judged_by))
    return TrainingResult(folder, steps, seconds)


def _train(
    job: TrainingJob[GrpoStage], prompts: Prompts, write: Write, judge: Judge, judged_by: str
) -> tuple[Path, int]:
    """Train to the end; return the folder of the result and the optimiser steps."""
    stage = job.stage
    rows = len(prompts.ids) * stage.num_generations * stage.num_iterations
    settings = job.settings(rows) | _method_settings(stage)
    loaded = job.load()
    check_prompts(prompts, stage, loaded.model)
    origin = open_checkpoints(job, loaded, prompts.digest, dataset="prompts", also={"verdicts and rewards": judged_by})
    trainer = _make_trainer(job, loaded, settings, rows)
    trainer.stop_ids, trainer.eos_token_ids = prompts.stop_ids, sorted(prompts.stop_ids)
    if stage.vllm is not None:
        write = _vllm_writer(trainer, prompts.stop_ids)
    with _rollouts(job, prompts, write, judge) as trainer.rollouts:
        return train_adapter(job, trainer, loaded, origin)


def _rollouts(job: TrainingJob[GrpoStage], prompts: Prompts, write: Write, judge: Judge) -> Rollouts:
    """Open the rollouts of the stage's folder, without those after its latest complete checkpoint."""
    stage, file = job.stage, job.out / ROLLOUTS
    checkpoint = latest_complete(job.checkpoints)
    truncate_rollouts(file, 0 if checkpoint is None else step_of(Path(checkpoint)))
    pool = PromptPool(len(prompts.ids), seed=job.seed, revisit_share=stage.revisit_share, rates=prompts.pass_rates)
    return Rollouts(prompts, pool, write=write, judge=judge, stage=stage, seed=job.seed, file=file)


def check_prompts(prompts: Prompts, stage: GrpoStage, model: Any) -> None:
    """Raise ConfigError when prompts are too few, or leave no room for an answer."""
    wanted = stage.completions_per_generation // stage.num_generations
    if len(prompts.ids) < wanted:
        raise ConfigError(
            f"stage {stage.name!r} draws {wanted} different tasks at once, but there are {len(prompts.ids)}.",
            "Build more training tasks, or lower effective_batch (completions: prompts x num_generations).",
        )
    context = context_length(model)
    for name, ids in zip(prompts.task_ids, prompts.ids, strict=True):
        if context is not None and len(ids) + stage.max_completion_length > context:
            raise ConfigError(
                f"the prompt of {name} has {len(ids)} tokens: with max_completion_length "
                f"{stage.max_completion_length} that is more than the model's context of {context}.",
                "Lower max_completion_length, or remove the task.",
            )


def _make_trainer(job: TrainingJob[GrpoStage], loaded: LoadedModel, settings: dict[str, Any], rows: int) -> Any:
    parts = trainer_parts(job, loaded, settings, rows=rows, kind=GRPOConfig, read_past_adapter="the loss reads")
    with kept_as_it_is(parts["model"]):
        trainer = GrpoTrainer(
            **parts,
            reward_funcs=judged_elsewhere,
            train_dataset=Dataset.from_dict({"prompt": [""] * 2}),
            processing_class=loaded.tokenizer,
            callbacks=[CompleteCheckpoints(), Deterministic(job.stage.kernels)],
        )
    trainer.dynamic_sampling, trainer.bad_batch = job.stage.dynamic_sampling, job.bad_batch
    return trainer


def _method_settings(stage: GrpoStage) -> dict[str, Any]:
    """Return TRL's arguments that are specific to GRPO."""
    settings: dict[str, Any] = {
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
        settings |= {
            "use_vllm": True,
            "vllm_mode": vllm.vllm_mode,
            "vllm_server_base_url": vllm.vllm_server_base_url,
            "vllm_gpu_memory_utilization": vllm.vllm_gpu_memory_utilization,
        }
    return settings


def _vllm_writer(trainer: Any, stop_ids: frozenset[int]) -> Write:
    """Wrap TRL's vLLM client, which gets the current weights; the loss corrects its log-probabilities."""

    def write(_: Any, prompts: Sequence[Sequence[int]], __: int) -> list[tuple[int, Answer]]:
        written, logprobs = trainer._generate_single_turn([list(ids) for ids in prompts], None, {}, 1)
        texts = trainer.processing_class.batch_decode(written, skip_special_tokens=True)
        return [
            (place, Answer(list(ids), text, bool(ids) and ids[-1] in stop_ids, row_logprobs))
            for place, (ids, text, row_logprobs) in enumerate(zip(written, texts, logprobs, strict=True))
        ]

    return write
