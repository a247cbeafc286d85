"""What a policy writes and how it was judged: groups are drawn, written chunk by chunk and verified meanwhile.

Answers are verified in a thread of its own as they are finished, while longer ones are still being decoded; the trainer
waits only for what is left when everything is written (the verifier stall). Groups whose rewards are all equal may be
replaced by others.

The random numbers of a chunk follow from seed, step and place, so a run that was killed writes the same again.
Not covered: how tokens are chosen and what a verdict is worth (both are handed in), the loss (`train.grpo.trainer`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.fsio import append_lines, digest_json, read_lines, write_atomic
from burnish.records import Completion, Rollout, Score, Verdict
from burnish.train.grpo.prompt_pool import PromptPool, Prompts

PARTS = 4
"""Parts in which the answers of a chunk go to the judge: some together, since programs are compiled together."""
MOST_WAVES = 5
"""Draws that may replace groups without signal; together they write at most as much again as the batch."""


@dataclass(frozen=True)
class Answer:
    """What the sampler wrote after one prompt."""

    ids: list[int]
    """With the stop token, where there is one."""
    text: str
    finished: bool
    """Whether it ended by itself."""
    logprobs: list[float] | None
    """Of ``ids``, as the sampler had them; None where it does not say."""


Write = Callable[[Any, Sequence[Sequence[int]], int], Iterable[tuple[int, Answer]]]
"""``write(model, prompts, seed)``: one answer to each prompt (token ids) with the prompt's place, as they are finished;
the same for the same arguments."""
Judge = Callable[[Sequence[tuple[int, Completion]]], list[tuple[Verdict, Score]]]
"""``judge(pairs)`` of task index and completion, in their order; called from another thread, one call at a time."""


@dataclass(frozen=True)
class Sample:
    """One completion with its place."""

    task: int
    answer: Answer
    completion: Completion


@dataclass(frozen=True)
class Group:
    """The judged completions of one prompt."""

    task: int
    samples: tuple[Sample, ...]
    verdicts: tuple[Verdict, ...]
    scores: tuple[Score, ...]

    @property
    def rewards(self) -> list[float | None]:
        """None is unscored, which is not zero."""
        return [score.value for score in self.scores]

    @property
    def has_signal(self) -> bool:
        """Whether any two rewards differ."""
        return len({reward for reward in self.rewards if reward is not None}) > 1

    @property
    def pass_rate(self) -> float | None:
        """Share of passes among what could be judged; None when nothing could."""
        judged = [verdict for verdict in self.verdicts if verdict.status != "infra"]
        return sum(verdict.status == "pass" for verdict in judged) / len(judged) if judged else None


class Rollouts:
    """Writes and judges batches of groups; use as a context manager, which ends the thread.

    Args:
        prompts: of all tasks.
        pool: draws tasks; told how they went.
        write: the sampler.
        judge: verdict and score of completions.
        stage: completions per prompt, how many are handed to ``write`` at once, and how they are sampled.
        seed: of the samples.
        file: where rollouts are appended.
    """

    def __init__(
        self,
        prompts: Prompts,
        pool: PromptPool,
        *,
        write: Write,
        judge: Judge,
        stage: GrpoStage,
        seed: int,
        file: Path,
    ) -> None:
        self.prompts = prompts.ids
        self.pool = pool
        self.verify_s = 0.0
        """Seconds that judging has taken, beside the writing or after it."""
        self._task_ids = prompts.task_ids
        self._write = write
        self._judge = judge
        self._group = stage.num_generations
        self._prompts_at_once = max(1, stage.decode_batch // stage.num_generations)
        self._seed = seed
        self._sampling = {
            "temperature": stage.temperature,
            "max_new_tokens": stage.max_completion_length,
            "seed": seed,
        }
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
        self._written: list[Sample] = []
        self._waiting: list[tuple[list[int], Future[list[tuple[Verdict, Score]]]]] = []
        """Places in what was written since verdicts were last asked for, and their verdicts to come."""

    def __enter__(self) -> Rollouts:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def write(self, model: Any, tasks: Sequence[int], *, step: int, wave: int = 0) -> list[Sample]:
        """Let the model answer each task ``group`` times, and hand answers to the judge as they are finished.

        Returned by task, in the order of prompt length in which they were begun.
        """
        order = sorted(tasks, key=lambda task: (len(self.prompts[task]), task))
        before = len(self._written)
        for chunk, start in enumerate(range(0, len(order), self._prompts_at_once)):
            seed = int(digest_json(["rollouts", self._seed, step, wave, chunk])[:16], 16) >> 1
            self._written += self._chunk(model, order[start : start + self._prompts_at_once], seed, step)
        return self._written[before:]

    def _chunk(self, model: Any, tasks: Sequence[int], seed: int, step: int) -> list[Sample]:
        rows = [(task, index) for task in tasks for index in range(self._group)]
        began, first = time.perf_counter(), len(self._written)
        finished: dict[int, tuple[Answer, Completion]] = {}
        handed_on = 0

        def hand_on() -> None:
            nonlocal handed_on
            places = list(finished)[handed_on:]
            handed_on = len(finished)
            pairs = [(rows[place][0], finished[place][1]) for place in places]
            self._waiting.append(([first + place for place in places], self._thread.submit(self._judged, pairs)))

        for place, answer in self._write(model, [self.prompts[task] for task, _ in rows], seed):
            finished[place] = answer, self._completion(*rows[place], answer, step)
            if (len(finished) - handed_on) * PARTS >= len(rows):
                hand_on()
        if len(finished) > handed_on:
            hand_on()
        seconds = {"seconds": (time.perf_counter() - began) / len(rows)}
        answered = [(task, *finished[place]) for place, (task, _) in enumerate(rows)]
        return [Sample(task, answer, completion.model_copy(update=seconds)) for task, answer, completion in answered]

    def judged(self, step: int) -> list[Group]:
        """Wait for the verdicts of everything written, keep it on disk, and tell the pool; groups as written."""
        waiting, self._waiting = self._waiting, []
        written, self._written = self._written, []
        judgements: dict[int, tuple[Verdict, Score]] = {}
        for places, future in waiting:
            judgements |= zip(places, future.result(), strict=True)
        groups = list(_grouped(written, [judgements[place] for place in range(len(written))], self._group))
        for group in groups:
            if (rate := group.pass_rate) is not None:
                self.pool.note(group.task, rate)
        rollouts = (
            Rollout(step=step, completion=sample.completion, verdict=verdict, score=score)
            for group in groups
            for sample, verdict, score in zip(group.samples, group.verdicts, group.scores, strict=True)
        )
        append_lines(self._file, [rollout.to_json() for rollout in rollouts])
        return groups

    def replaced(self, model: Any, groups: Sequence[Group], *, step: int) -> list[Group]:
        """More groups in place of those without signal, those without signal among them too."""
        wanted, room = sum(not group.has_signal for group in groups), len(groups)
        taken = {group.task for group in groups}
        more: list[Group] = []
        for wave in range(1, MOST_WAVES + 1):
            count = min(wanted, room, len(self.prompts) - len(taken))
            if count <= 0:
                break
            tasks = self.pool.draw(count, taken)
            self.write(model, tasks, step=step, wave=wave)
            fresh = self.judged(step)
            more += fresh
            taken.update(tasks)
            room -= count
            wanted -= sum(group.has_signal for group in fresh)
        return more

    def _completion(self, task: int, index: int, answer: Answer, step: int) -> Completion:
        return Completion(
            task_id=self._task_ids[task],
            sample_index=index,
            text=answer.text,
            prompt_tokens=len(self.prompts[task]),
            completion_tokens=len(answer.ids),
            finish_reason="stop" if answer.finished else "length",
            sampling=self._sampling,
            model_digest=f"step-{step}",
        )

    def _judged(self, pairs: Sequence[tuple[int, Completion]]) -> list[tuple[Verdict, Score]]:
        began = time.perf_counter()
        judgements = self._judge(pairs)
        self.verify_s += time.perf_counter() - began
        return judgements


def _grouped(samples: Sequence[Sample], judgements: Sequence[tuple[Verdict, Score]], size: int) -> Iterator[Group]:
    for start in range(0, len(samples), size):
        of = slice(start, start + size)
        yield Group(
            samples[start].task,
            tuple(samples[of]),
            tuple(verdict for verdict, _ in judgements[of]),
            tuple(score for _, score in judgements[of]),
        )


def truncate_rollouts(file: Path, step: int) -> None:
    """Take out what was written in optimiser step ``step`` or later, and a torn last line: it will be written again."""
    if not file.exists():
        return
    kept = [line for line in read_lines(file) if Rollout.from_json(line).step < step]
    write_atomic(file, "".join(line + "\n" for line in kept))
