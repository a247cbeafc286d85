"""Answer tasks with given texts: the fake of the `Generator` protocol."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from burnish.errors import DataError
from burnish.fsio import digest_json
from burnish.records import Completion, Task


class ScriptedGenerator:
    """Answer each task with the texts written for it.

    Args:
        answers: task id -> texts, one per sample.
        batch_size: tasks per batch.
    """

    def __init__(self, answers: Mapping[str, Sequence[str]], *, batch_size: int = 64) -> None:
        self._answers = {task: tuple(texts) for task, texts in answers.items()}
        self._batch_size = batch_size

    @property
    def model_digest(self) -> str:
        """Return the digest of the answers."""
        return digest_json(self._answers)

    def generate(self, tasks: Sequence[Task], finished: Collection[str] = ()) -> Iterator[list[Completion]]:
        """Yield the answers in task order; DataError for a task without one."""
        for start in range(0, len(tasks), self._batch_size):
            batch = [task for task in tasks[start : start + self._batch_size] if task.id not in finished]
            if not batch:
                continue
            yield [completion for task in batch for completion in self._answer(task)]

    def _answer(self, task: Task) -> list[Completion]:
        if task.id not in self._answers:
            raise DataError(f"no answer is written for task {task.id!r}.", "Add one, or leave the task out.")
        return [
            Completion(task_id=task.id, sample_index=index, text=text, model_digest=self.model_digest)
            for index, text in enumerate(self._answers[task.id])
        ]
