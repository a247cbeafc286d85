"""Run GRPO: answer training tasks, judge answers with the verifier, score them by the reward.

Left out on purpose: the loop itself (`train.grpo.run`), and checks of single shapes (`burnish reward`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from burnish.config.stages.batches import shared_micro_batch
from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.data.encode.chat import render_prompt
from burnish.data.tasks.task_sets import require_rust
from burnish.errors import DataError, GateError
from burnish.fsio import digest_json
from burnish.generate.decoding import decode, seeded_requests
from burnish.generate.sampling import Decoding
from burnish.model.source import load_tokenizer
from burnish.records import Completion, Score, Task, Verdict
from burnish.records.layout import ROLLOUTS
from burnish.score.rewards.evidence import constant_share
from burnish.score.rewards.score_verdict import score_verdict
from burnish.score.selection.pass_rates import PassRates
from burnish.train.grpo.prompt_pool import Prompts
from burnish.train.grpo.rollouts import Answer, Judge, Write
from burnish.train.grpo.run import run_grpo
from burnish.train.watch.memory_forecast import Batches
from burnish.verify import Verifier
from burnish.verify.serve.reward import VerifierReward
from burnish.wording import counted
from burnish.workflows.answer.generators import declared_stop_ids
from burnish.workflows.rewards.stored_answers import read_written, rollout_files
from burnish.workflows.run.context import Outcome, Run
from burnish.workflows.run.inputs import TOOLCHAIN
from burnish.workflows.train.job import training_callbacks, training_job
from burnish.workflows.train.start import starting_point

logger = logging.getLogger("burnish.reinforce")


def reinforce(run: Run, stage: GrpoStage, folder: Path) -> Outcome:
    """Train the stage's adapter, continuing from its last complete checkpoint.

    Raises DataError for tasks without hidden tests, GateError for held-out tasks among those to train on.
    """
    stage = stage.model_copy(update={"micro_batch": shared_micro_batch(stage, 1)})
    given = run.train_tasks(stage.name)
    check_tasks(given, run.untrained_tasks(stage.name))
    tasks = [task for task in given if constant_share(task) < 1]
    start = starting_point(run, stage, folder)
    tokenizer = load_tokenizer(start.base)
    prompts = prompts_of(tasks, tokenizer, start.base)
    if stage.rates_from is not None:
        prompts = replace(prompts, pass_rates=known_rates(tasks, run.folder.path / stage.rates_from))
        logger.info(
            "%s: knows the pass rates of %d tasks from %s", stage.name, len(prompts.pass_rates), stage.rates_from
        )
    logger.info("%s: answers %s", stage.name, counted(len(tasks), "task"))
    if constant := len(given) - len(tasks):
        logger.info("%s: leaves out %s that a constant answer solves", stage.name, counted(constant, "task"))
    say_gradings(run.judge(), stage.name, tasks)
    callbacks = training_callbacks(run, stage, folder, tokenizer=tokenizer, batches=batches_of(stage, prompts))
    job = training_job(run, stage, folder, base=start.base, start=start.adapter, callbacks=callbacks)
    judged_by = digest_json([run.digests[TOOLCHAIN], [task.to_json() for task in tasks]])
    with VerifierReward(run.recipe.verify, verifier=run.judge()) as reward:
        write, judge = writer(stage, tokenizer, prompts.stop_ids), judge_of(stage, tasks, reward)
        result = run_grpo(job, prompts, write, judge, judged_by=judged_by)
    return Outcome.of_training(result.trained, start.base, {"steps": float(result.steps)}, ROLLOUTS)


def say_gradings(verifier: Verifier, name: str, tasks: Sequence[Task]) -> None:
    """Log how many tasks are graded in the answer's own process, where a policy may exploit holes."""
    decisions = verifier.gradings(tasks)
    beside = {task: decision for task, decision in decisions.items() if decision.grading == "in_process"}
    by_answer = sum(decision.by_answer for decision in decisions.values())
    if beside:
        task, first = next(iter(beside.items()))
        logger.warning(
            "%s: %d of %d tasks are graded in the answer's own process, as %s (%s); verify.min_grading=separate "
            "refuses them",
            *(name, len(beside), len(tasks), task, first.reason),
        )
    if by_answer:
        logger.warning(
            "%s: %d of %d tasks declare no signature, and an answer whose types cannot travel is graded in its own "
            "process; give them a code_prompt or a reference",
            *(name, by_answer, len(tasks)),
        )


def batches_of(stage: GrpoStage, prompts: Prompts) -> Batches:
    """Return the shapes that predict the stage's memory."""
    return Batches(
        max(map(len, prompts.ids)) + stage.max_completion_length,
        "the longest prompt and max_completion_length",
        muon=stage.optimizer == "muon",
        tiled_logits=True,
        decoded=stage.decode_batch if stage.vllm is None else 0,
        unknown="vLLM takes its share of the same GPU" if stage.vllm and stage.vllm.vllm_mode == "colocate" else None,
    )


def check_tasks(tasks: Sequence[Task], held_out: Sequence[Task]) -> None:
    """Check that every task has tests and none is held out."""
    require_rust(tasks)
    untested = next((task for task in tasks if task.tests is None), None)
    if untested is not None:
        raise DataError(
            f"task {untested.id} has no hidden tests, so any answer that compiles would pass.",
            "Train on tasks with tests.",
        )
    measured = {task.id for task in held_out} | {task.prompt for task in held_out}
    seen = next((task for task in tasks if task.id in measured or task.prompt in measured), None)
    if seen is not None:
        raise GateError(
            f"the training task {seen.id} is among the held-out tasks.", "Evaluate on tasks that are not trained on."
        )


def prompts_of(tasks: Sequence[Task], tokenizer: Any, base: Path) -> Prompts:
    """Build prompts as in evaluation."""
    texts = [render_prompt(task.prompt, tokenizer) for task in tasks]
    encoded = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    return Prompts([task.id for task in tasks], encoded, declared_stop_ids(base, tokenizer))


def known_rates(tasks: Sequence[Task], folder: Path) -> dict[int, float]:
    """Read the pass rates of a stage's answers, by task index."""
    rates = PassRates()
    for file in rollout_files(folder):
        rates.add(answer.verdict for answer in read_written(file) if answer.verdict is not None)
    by_index = {index: rates.rate(task.id) for index, task in enumerate(tasks)}
    return {index: rate for index, rate in by_index.items() if rate is not None}


def writer(stage: GrpoStage, tokenizer: Any, ends: frozenset[int]) -> Write:
    """Build the sampler from our decoder."""
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    options = Decoding(stage.temperature, 1.0, ends, padding, logprobs=True)

    def write(model: Any, prompts: Sequence[Sequence[int]], seed: int) -> Iterator[tuple[int, Answer]]:
        random = torch.Generator(device=next(model.parameters()).device)
        random.manual_seed(seed)
        limits = [stage.max_completion_length] * len(prompts)
        requests = seeded_requests(prompts, limits, options, random)
        for place, answer, _ in decode(model, requests, options, slots=len(requests)):
            ids = [*answer.ids, *([answer.stop_id] if answer.stop_id is not None else [])]
            text = tokenizer.decode(answer.ids, skip_special_tokens=True)
            yield place, Answer(ids, text, answer.stop_id is not None, answer.logprobs)

    return write


def judge_of(stage: GrpoStage, tasks: Sequence[Task], reward: VerifierReward) -> Judge:
    """Judge with the run's verifier and score by the stage's shape."""

    def judge(pairs: Sequence[tuple[int, Completion]]) -> list[tuple[Verdict, Score]]:
        verdicts = reward.judge([(tasks[index], completion) for index, completion in pairs])
        return [
            (verdict, score_verdict(stage.reward, verdict, tasks[index]))
            for verdict, (index, _) in zip(verdicts, pairs, strict=True)
        ]

    return judge
