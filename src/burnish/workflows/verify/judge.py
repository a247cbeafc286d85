"""Open the verifier and judge completions by their tasks; shared by every workflow that judges."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from burnish.config.verify import VerifyConfig
from burnish.protocols import Sandbox
from burnish.records import Completion, Task, Verdict
from burnish.records.layout import VERDICT_CACHE
from burnish.score.summaries.missing_crates import crate_failures
from burnish.verify import Verifier
from burnish.verify.compiler.dependency_set import BUILD_COMMAND

_log = logging.getLogger("burnish.verify")


@contextmanager
def open_verifier(config: VerifyConfig, beside: Path, sandbox: Sandbox | None = None) -> Iterator[Verifier]:
    """A verifier that passed its self-test, with the verdict cache in ``config.cache`` or else in ``beside``.

    ``sandbox`` replaces the one that ``config`` names; the caller closes it.
    """
    with Verifier(
        config.model_copy(update={"cache": config.cache or beside / VERDICT_CACHE}), sandbox=sandbox
    ) as verifier:
        yield verifier


def judge(verifier: Verifier, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Verdict]:
    """Verdicts in the order of ``completions``, each judged by the task it names. Raises InfraBudgetError."""
    by_id = {task.id: task for task in tasks}
    verdicts = verifier.verify([(by_id[completion.task_id], completion) for completion in completions])
    say_crate_failures(verdicts)
    return verdicts


def say_crate_failures(verdicts: Iterable[Verdict]) -> None:
    """Say how many answers failed for a crate alone, and the command that builds crates; nothing where none did."""
    failures = crate_failures(verdicts)
    if failures:
        named = ", ".join(f"{name} {many}" for name, many in failures.items())
        _log.warning(
            "%d answers failed for a crate alone (%s). A task says which crates it allows (its crates); build them: %s",
            *(sum(failures.values()), named, BUILD_COMMAND),
        )
