"""Inject faults into a real sandbox, as the fake of `protocols.Sandbox` for tests.

Faults are drawn per start from a seeded generator, so a run can be repeated; ``on_start`` faults do not run the
program, ``mid_job`` faults run it and lose the result.
"""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from typing import Literal

from burnish.protocols import Job, JobResult, Sandbox
from burnish.verify.sandbox.backend import AroundSandbox


class FaultySandbox(AroundSandbox):
    """Fail a share of the jobs of another sandbox."""

    def __init__(
        self, inner: Sandbox, share: float, seed: int = 0, kind: Literal["on_start", "mid_job"] = "on_start"
    ) -> None:
        super().__init__(inner)
        self._share = share
        self._kind = kind
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.injected = 0
        """Number of faults so far."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the inner sandbox's layers, with a word that marks the fake."""
        return (*super().layers, "faulty")

    def run(self, job: Job) -> JobResult:
        """Run or fail; never raise for the program's actions."""
        with self._lock:
            fails = self._random.random() < self._share
            self.injected += fails
        if fails and self._kind == "on_start":
            if job.joint is not None:
                job.joint.close()
            return JobResult(
                exit_code=127, stdout=b"", stderr=b"", cpu_ms=0.0, wall_ms=0.0, fault="injected: did not start"
            )
        result = super().run(job)
        return replace(result, exit_code=-9, collected={}, fault="injected: died mid-job") if fails else result
