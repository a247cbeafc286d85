"""Run one round of expert iteration: sample, score, select, fine-tune, measure; finished steps are kept.

Training steps are counted over all rounds, so that a curve over a stage has one axis.

Left out on purpose: the tasks of a round, and the choice of the final weights (`expert_iteration.stage`).
"""

from __future__ import annotations

import logging
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burnish.config.generate import SamplingConfig
from burnish.config.stages.kinds.expert_iteration import ExpertIterationStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.data.tasks.task_sets import drawn_references
from burnish.errors import DataError
from burnish.fsio import digest_json, read_object, write_json
from burnish.model.base import free_memory
from burnish.model.source import load_tokenizer
from burnish.records import Completion, Example, Task, Verdict
from burnish.records.files import read_records, write_records
from burnish.records.layout import (
    COMPLETIONS,
    ROUND,
    ROUND_FOLDER,
    ROUND_METADATA,
    ROWS,
    SAMPLED,
    VALIDATION,
    VERDICTS,
)
from burnish.score.rewards.score_verdict import score_verdict
from burnish.score.selection.held_out import HeldOut
from burnish.score.selection.judged import Judged
from burnish.score.selection.select import Kept, merge_rounds, select
from burnish.score.summaries.rates import METRICS
from burnish.train.watch.memory_forecast import Batches
from burnish.wording import counted
from burnish.workflows.answer.completions import open_generator
from burnish.workflows.answer.sample_and_judge import sample
from burnish.workflows.evaluate.core import measured
from burnish.workflows.expert_iteration.files import example_of, reference_example, write_selection
from burnish.workflows.rows.encode import EncodedSet, cache_of, encode_rows
from burnish.workflows.run.context import Run
from burnish.workflows.train.gated_rows import gate_of, train_rows
from burnish.workflows.train.job import training_callbacks, training_job
from burnish.workflows.train.start import StartingPoint

logger = logging.getLogger("burnish.expert_iteration")


@dataclass(frozen=True)
class RoundResult:
    """Result of a round."""

    number: int
    trained: Path
    """Folder of the adapter, or of the whole model."""
    steps: int
    metrics: dict[str, float]


@dataclass
class Round:
    """One round in its folder; round 0 is the start of the stage, which is only measured."""

    run: Run
    stage: ExpertIterationStage
    stage_folder: Path
    number: int
    steps: int
    """Optimiser steps of the rounds before."""
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.stage_folder / f"{ROUND_FOLDER}{self.number}"

    def sample(self, weights: StartingPoint, tasks: Sequence[Task]) -> list[Judged]:
        """Return all samples of the tasks, verified and scored, in the order of the tasks."""
        seed = int(digest_json(["expert iteration", self.run.recipe.seed, self.number])[:8], 16)
        completions, verdicts = self._answers(self.folder, weights, tasks, self.stage.sampling, seed)
        by_id = {task.id: task for task in tasks}
        return [
            Judged(
                by_id[verdict.task_id],
                completion,
                verdict,
                score_verdict(self.stage.reward, verdict, by_id[verdict.task_id]),
                self.number,
            )
            for completion, verdict in zip(completions, verdicts, strict=True)
        ]

    def select(self, judged: Sequence[Judged], held_out: HeldOut) -> Sequence[Kept]:
        """Select the round's training rows; write its files and log its numbers."""
        stage, seed = self.stage, self.run.recipe.seed
        chosen = select(stage.selection, judged, held_out, seed + self.number)
        report = chosen.report
        self.metrics = {
            **measured([answer.verdict for answer in judged]),
            **_reward_means(judged),
            "kept": float(report.kept),
            "tasks": float(report.tasks),
            "tasks_solved": report.tasks_solved / report.tasks,
            "tasks_mixed": report.tasks_mixed / report.tasks,
            "from_cache": sum(answer.verdict.cached for answer in judged) / len(judged),
            "round": float(self.number),
        }
        if not (self.folder / ROUND).is_file():
            seconds = read_object(self.folder / SAMPLED)
            self._log(self.steps, self.metrics | seconds)
            logger.info(
                "%s round %d: %s of %d tasks, %.1f %% compile, %.1f %% pass, reward %.3f; %d kept",
                *(stage.name, self.number, counted(report.sampled, "completion"), report.tasks),
                *(100 * self.metrics["compile_rate"],),
                *(100 * self.metrics["tests_passed"], self.metrics.get("reward", 0.0), report.kept),
            )
        facts = {"round": self.number, "seed": seed, "sampling": stage.sampling.model_dump(mode="json")}
        facts["model_digest"] = judged[0].completion.model_digest
        if not (self.folder / ROUND_METADATA).is_file():
            weighted = stage.selection.weights != "equal"
            write_selection(self.folder, judged=judged, kept=chosen.kept, report=report, weighted=weighted, facts=facts)
        return chosen.kept

    def rows(self, kept: Sequence[Sequence[Kept]], tasks: Sequence[Task]) -> list[Example]:
        """Return the training rows: those kept by the rounds, and references if the stage mixes them in."""
        merged = merge_rounds(kept)
        if not merged:
            raise DataError(
                f"round {self.number} of stage {self.stage.name!r} found nothing to learn from: none of its "
                "completions is right.",
                "Start from a model that solves some tasks, raise sampling.samples, or loosen selection.",
            )
        rows = [example_of(kept_answer, self.stage.name) for kept_answer in merged]
        key = ("reference", self.run.recipe.seed, self.number)
        weight = statistics.fmean(row.weight for row in rows)
        answered = drawn_references(tasks, self.stage.mix_references, len(rows), key)
        rows += [reference_example(task, weight) for task in answered]
        write_records(self.folder / ROWS, rows)
        return rows

    def learn(self, start: StartingPoint, rows: Sequence[Example], validation: Sequence[Task]) -> RoundResult:
        """Fine-tune on the rows and measure; continue from the last checkpoint of the round."""
        stage = self.training_stage()
        trained = self.folder / self.run.trained_output(stage)
        done = self.folder / ROUND
        if not done.is_file() or not trained.is_dir():
            began = time.monotonic()
            tokenizer = load_tokenizer(start.base)
            data = self.run.recipe.data
            encoded = encode_rows(rows, tokenizer, stage, data.chat, cache_of(self.run))
            job = training_job(
                self.run,
                stage,
                self.folder,
                base=start.base,
                start=start.adapter,
                callbacks=self._callbacks(stage, tokenizer, encoded),
                log=lambda step, values: self._log(self.steps + step, values),
            )
            report = gate_of(self.run, stage, tokenizer)(encoded.rows, examples=rows)
            result = train_rows(job, encoded, report, tokenizer)
            free_memory()
            seconds = {"update_s": time.monotonic() - began, "rows": float(len(rows))}
            after = self.measure(start.with_trained(trained), validation, self.steps + result.steps)
            self._log(self.steps + result.steps, seconds)
            write_json(done, {"steps": result.steps, "metrics": self.metrics | after})
            shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)
        made = read_object(done, needs={"steps": int, "metrics": dict})
        return RoundResult(self.number, trained, made["steps"], made["metrics"])

    def measure(self, weights: StartingPoint, tasks: Sequence[Task], step: int = 0) -> dict[str, float]:
        """Answer the validation tasks greedily and return the rates; nothing without such tasks."""
        if not tasks:
            return {}
        sampling = self.stage.sampling
        greedy = SamplingConfig(max_new_tokens=sampling.max_new_tokens, batch_size=sampling.batch_size)
        _, verdicts = self._answers(self.folder / VALIDATION, weights, tasks, greedy, self.run.recipe.seed)
        counted = measured(verdicts, tasks)
        metrics = {f"validation_{name}": counted[name] for name in METRICS}
        self._log(step, metrics)
        return metrics

    def training_stage(self) -> SftStage:
        """Return the fine-tuning stage of this round."""
        stage = self.stage
        shared = {name: getattr(stage, name) for name in OptimizerConfig.model_fields}
        return SftStage(name=stage.name, adapter=stage.adapter, max_length=stage.max_length, **shared)

    def _answers(
        self, folder: Path, weights: StartingPoint, tasks: Sequence[Task], sampling: SamplingConfig, seed: int
    ) -> tuple[list[Completion], list[Verdict]]:
        """Return answers and verdicts in the order of the tasks; a finished attempt's are read from its files."""
        if not (folder / SAMPLED).is_file():
            generator = open_generator(
                weights.base, weights.adapter, config=self.run.recipe.model, sampling=sampling, seed=seed
            )
            answered = sample(
                generator,
                self.run.judge(),
                tasks,
                folder,
                samples=sampling.samples,
                infra_budget=self.run.recipe.verify.infra_budget,
            )
            del generator
            free_memory()
            times = {"generate_s": answered.generate_s, "verify_s": answered.verify_s, "verify_wait_s": answered.wait_s}
            write_json(folder / SAMPLED, times)
            return answered.completions, answered.verdicts
        completions = {(row.task_id, row.sample_index): row for row in read_records(Completion, folder / COMPLETIONS)}
        verdicts = {(row.task_id, row.sample_index): row for row in read_records(Verdict, folder / VERDICTS)}
        keys = [(task.id, index) for task in tasks for index in range(sampling.samples)]
        return [completions[key] for key in keys], [verdicts[key] for key in keys]

    def _callbacks(self, stage: SftStage, tokenizer: Any, encoded: EncodedSet) -> list[Any]:
        def write(event: str, *, step: int, steps: int, **fields: Any) -> None:
            self.run.folder.events.write(event, step=self.steps + step, steps=self.steps + steps, **fields)

        logits = encoded.most_trained()
        batches = Batches(encoded.longest(), logit_tokens=logits, muon=stage.optimizer == "muon")
        described = (self.stage, self.stage_folder)
        return training_callbacks(
            self.run, stage, self.folder, tokenizer=tokenizer, batches=batches, write=write, described=described
        )

    def _log(self, step: int, values: Any) -> None:
        self.run.folder.metrics.log(self.stage.name, step, values)


def _reward_means(judged: Sequence[Judged]) -> dict[str, float]:
    """Average the reward and each of its components over the scored completions."""
    scored = [answer.score for answer in judged if answer.score.value is not None]
    if not scored:
        return {}
    names = {name for score in scored for name in score.components}
    means = {
        name: statistics.fmean(score.components[name] for score in scored if name in score.components)
        for name in sorted(names)
    }
    return {"reward": statistics.fmean(score.value or 0.0 for score in scored), **means}
