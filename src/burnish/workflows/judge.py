"""Open the verifier and verify completions with a progress line; shared by every workflow that judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from burnish.config.verify import VerifyConfig
from burnish.progress import progress
from burnish.records import Completion, Task, Verdict

if TYPE_CHECKING:
    from burnish.verify import Verifier


CACHE = "verdicts.sqlite"


@contextmanager
def open_verifier(config: VerifyConfig, beside: Path) -> Iterator[Verifier]:
    """A verifier that passed its self-test, with the verdict cache in ``config.cache`` or else in ``beside``."""
    from burnish.verify import Verifier
    from burnish.verify.cache import SqliteVerdictCache

    with Verifier(config, cache=SqliteVerdictCache(config.cache or beside / CACHE)) as verifier:
        yield verifier


def judge(
    verifier: Verifier, tasks: Sequence[Task], completions: Sequence[Completion], *, label: str = "verify"
) -> list[Verdict]:
    """Verdicts in the order of ``completions``, each judged by the task it names. Raises InfraBudgetError."""
    by_id = {task.id: task for task in tasks}
    pairs = [(by_id[completion.task_id], completion) for completion in completions]
    compiled = passed = seen = 0
    with progress(label, total=len(pairs), unit="verdicts") as bar:

        def show(verdict: Verdict) -> None:
            nonlocal compiled, passed, seen
            seen += 1
            compiled += bool(verdict.compiled)
            passed += verdict.status == "pass"
            bar.advance(1, compiled=f"{compiled / seen:.0%}", passed=f"{passed / seen:.0%}")

        return verifier.verify(pairs, on_verdict=show)
