"""Open the verifier and judge completions by their tasks; shared by every workflow that judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from burnish.config.verify import VerifyConfig
from burnish.protocols import Sandbox
from burnish.records import Completion, Task, Verdict
from burnish.records.layout import VERDICT_CACHE
from burnish.verify import Verifier


@contextmanager
def open_verifier(config: VerifyConfig, beside: Path, sandbox: Sandbox | None = None) -> Iterator[Verifier]:
    """Open a verifier that passed its self-test, with its verdict cache.

    ``sandbox`` replaces that of ``config``; the caller closes it.
    """
    with Verifier(
        config.model_copy(update={"cache": config.cache or beside / VERDICT_CACHE}), sandbox=sandbox
    ) as verifier:
        yield verifier


def judge(verifier: Verifier, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Verdict]:
    """Judge completions by their tasks, in order; raise InfraBudgetError."""
    by_id = {task.id: task for task in tasks}
    return verifier.verify([(by_id[completion.task_id], completion) for completion in completions])
