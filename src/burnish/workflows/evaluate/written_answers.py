"""Generate a model's output for one evaluation: answers, likelihoods of choices, and speed.

Loads the model only when something is missing. Left out on purpose: judging (`workflows.evaluate.score`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from burnish.config.verbs.evaluate import EndpointAnswers, WrittenAnswers
from burnish.fsio import NUMBER, read_object, write_json
from burnish.model.source import ModelSource
from burnish.protocols import Generator
from burnish.records import Completion, Task
from burnish.records.files import read_rows, write_rows
from burnish.records.layout import COMPLETIONS, LIKELIHOODS, PACE, PRECISION, PROMPTS
from burnish.records.summary import Generation, Precision
from burnish.workflows.answer.completions import answer_tasks, read_answers
from burnish.workflows.answer.generators import written_by
from burnish.workflows.evaluate.score import file_in, read_likelihoods

if TYPE_CHECKING:
    from burnish.generate.transformers_engine import TransformersGenerator


@dataclass
class Writing:
    """Generation for one evaluation."""

    answers: WrittenAnswers
    """The model and its options."""
    tasks: Sequence[Task]
    folder: Path
    """Where all of it is written."""
    seed: int
    source: ModelSource | None = None
    """The model, if already resolved."""
    _loaded: Generator | None = None

    def completions(self) -> list[Completion]:
        """Return all answers, in the order of the tasks, keeping those of an earlier attempt."""
        path, samples = self.folder / COMPLETIONS, self.answers.sampling.samples
        known = read_answers(path)
        wanted = [(task.id, sample) for task in self.tasks for sample in range(samples)]
        if known.keys() >= set(wanted):
            return [known[key] for key in wanted]
        generator = self._generator()
        self._note_prompts()
        return answer_tasks(generator, self.tasks, path, samples=samples, pace=self.folder / PACE)

    def likelihoods(self) -> dict[str, dict[str, float]]:
        """Return the likelihoods of multiple-choice tasks; none for a server or vLLM.

        Tasks that exceed the model's context have empty ones.
        """
        questions = [task for task in self.tasks if task.kind == "multiple_choice"]
        if not questions or isinstance(self.answers, EndpointAnswers) or self.answers.engine != "transformers":
            return {}
        known = read_likelihoods(self.folder)
        if all(task.id in known for task in questions):
            return known
        likelihoods = self._in_process().choice_likelihoods(questions)
        rows = [{"task_id": name, "log_likelihoods": values} for name, values in likelihoods.items()]
        write_rows(self.folder / LIKELIHOODS, rows)
        return likelihoods

    def one_sample(self) -> Generator:
        """Return a generator that writes one sample per task."""
        generator = self._generator()
        if isinstance(self.answers, EndpointAnswers):
            sampling = self.answers.sampling.model_copy(update={"samples": 1})
            return written_by(self.answers.model_copy(update={"sampling": sampling}), seed=self.seed)
        return cast("TransformersGenerator", generator).with_samples(1)

    def _generator(self) -> Generator:
        if self._loaded is None:
            self._loaded = written_by(self.answers, seed=self.seed, source=self.source)
            self._note_precision(self._loaded)
        return self._loaded

    def _note_precision(self, generator: Generator) -> None:
        """Record the precision of a model in this process, as loaded: a run's name may mean a quantised one."""
        model = getattr(generator, "model", None)
        if model is None or isinstance(self.answers, EndpointAnswers):
            return
        from burnish.model.contents import precision_of

        dtype, quantization = precision_of(model)
        write_json(self.folder / PRECISION, {"dtype": dtype, "quantization": quantization})

    def _in_process(self) -> TransformersGenerator:
        return cast("TransformersGenerator", self._generator())

    def _note_prompts(self) -> None:
        """Record the prompts after the chat template; a server renders its own."""
        if isinstance(self.answers, EndpointAnswers):
            return
        generator = self._in_process()
        rows = [{"task_id": task.id, "prompt": generator.prompt_text(task)} for task in self.tasks]
        write_rows(self.folder / PROMPTS, rows)


def precision_in(folder: Path) -> Precision:
    """Return the precision of an evaluation's or stage's model; empty when unrecorded."""
    noted = file_in(folder, PRECISION)
    if not noted.is_file():
        return Precision()
    known = read_object(noted, needs={"dtype": str, "quantization": str})
    return Precision(dtype=known["dtype"], quantization=known["quantization"])


def generation_in(folder: Path, completions: Sequence[Completion]) -> Generation | None:
    """Return speed and memory of generation; None when unrecorded."""
    lines = list(read_rows(folder / PACE, {"wall_s": NUMBER, "completion_tokens": int, "completions": int}))
    if not lines:
        return None
    seconds, tokens = (sum(line[key] for line in lines) for key in ("wall_s", "completion_tokens"))
    precision = precision_in(folder)
    p50, p95 = np.quantile([completion.seconds for completion in completions], (0.5, 0.95))
    return Generation(
        completions=sum(line["completions"] for line in lines),
        completion_tokens=tokens,
        wall_s=round(seconds, 3),
        tokens_per_s=round(tokens / max(seconds, 1e-9), 3),
        seconds_p50=round(float(p50), 6),
        seconds_p95=round(float(p95), 6),
        dtype=precision.dtype,
        quantization=precision.quantization,
        peak_bytes=max(line["peak_bytes"] or 0 for line in lines) or None,
        device_peak_bytes=max(line["device_peak_bytes"] or 0 for line in lines) or None,
    )
