"""Share one verifier among many callers: requests queue up, one thread judges them together, and each caller gets its
verdicts as soon as they are complete.

Requests that wait while others are judged are then judged together, so that small requests share all workers and equal
programs are judged once. A program that runs into its time limit delays later requests by at most that limit.

Not covered: the network (`workflows.verify.http_api`).
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from burnish.errors import MachineError
from burnish.records import Completion, Task, Verdict
from burnish.verify.judge.ladder import Goal
from burnish.verify.judge.verifier import Verifier

MOST_WAITING = 20_000
"""Most waiting candidates; more are refused, to bound memory."""
MOST_AT_ONCE = 512
"""Most candidates judged together, unless a single request has more."""

Submission = tuple[Task, Completion, Goal | None]


class ServiceBusyError(MachineError):
    """The queue is full; nothing of this request was accepted."""


class ServiceClosedError(MachineError):
    """The service stops; candidates without a verdict will not be judged."""


@dataclass
class _Request:
    """Candidates of one caller, and the verdicts so far."""

    candidates: Sequence[Submission]
    done: Future[list[Verdict]] = field(default_factory=Future)
    verdicts: dict[int, Verdict] = field(default_factory=dict)


class VerdictService:
    """Own a verifier; `submit` may be called from any thread. Closing it closes the verifier.

    The verifier must have an infra budget of 1: a fault is a verdict here, for the caller to handle.
    """

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self._waiting: deque[_Request] = deque()
        self._waiting_candidates = 0
        self._closing = self._refusing = False
        self._change = threading.Condition()
        self._lane = threading.Thread(target=self._serve, name="verdicts", daemon=True)
        self._lane.start()

    def submit(self, candidates: Sequence[Submission]) -> Future[list[Verdict]]:
        """Return a future of verdicts in the order of ``candidates``. Raises ServiceBusyError and
        ServiceClosedError."""
        request = _Request(candidates)
        with self._change:
            if self._closing or self._refusing:
                raise _closed()
            if self._waiting_candidates + len(candidates) > MOST_WAITING:
                raise ServiceBusyError(f"{self._waiting_candidates} candidates are waiting.", "Ask again later.")
            self._waiting.append(request)
            self._waiting_candidates += len(candidates)
            self._change.notify()
        return request.done

    def refuse(self) -> None:
        """Accept nothing more; finish what was accepted."""
        with self._change:
            self._refusing = True

    def close(self) -> None:
        """Refuse waiting requests, stop running jobs, and close the verifier; may be called twice."""
        with self._change:
            if self._closing:
                return
            self._closing = True
            waiting, self._waiting = list(self._waiting), deque()
            self._change.notify()
        for request in waiting:
            if request.done.set_running_or_notify_cancel():
                request.done.set_exception(_closed())
        self.verifier.close()
        self._lane.join()

    def _serve(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._closing)
                if self._closing:
                    return
                requests = self._take()
            try:
                self._judge(requests)
            except Exception as error:  # noqa: BLE001  the lane must live on, and callers must hear of it
                for request in requests:
                    if not request.done.done():
                        request.done.set_exception(_closed() if self._closing else error)

    def _take(self) -> list[_Request]:
        """Return the requests to judge together next, at least one."""
        taken: list[_Request] = []
        size = 0
        while self._waiting and (not taken or size + len(self._waiting[0].candidates) <= MOST_AT_ONCE):
            request = self._waiting.popleft()
            self._waiting_candidates -= len(request.candidates)
            if request.done.set_running_or_notify_cancel():  # otherwise its caller has gone
                taken.append(request)
                size += len(request.candidates)
        return taken

    def _judge(self, requests: Sequence[_Request]) -> None:
        places = [(request, index) for request in requests for index in range(len(request.candidates))]
        for request in requests:
            if not request.candidates:
                request.done.set_result([])

        def hand_out(verdict: Verdict) -> None:
            request, index = places[int(verdict.task_id)]
            if request.done.done():
                return
            if self._closing and verdict.status == "infra":  # stopped candidates have no verdict
                request.done.set_exception(_closed())
                return
            task = request.candidates[index][0]
            request.verdicts[index] = verdict.model_copy(update={"task_id": task.id})
            if len(request.verdicts) == len(request.candidates):
                request.done.set_result([request.verdicts[i] for i in range(len(request.candidates))])

        candidates = list(itertools.chain.from_iterable(request.candidates for request in requests))
        # Callers are independent, so their ids may be equal: numbers replace the ids during judging.
        pairs = [(task.model_copy(update={"id": str(n)}), answer) for n, (task, answer, _) in enumerate(candidates)]
        self.verifier.verify(pairs, goals=[goal for _, _, goal in candidates], on_verdict=hand_out)


def _closed() -> ServiceClosedError:
    return ServiceClosedError("the verifier is stopping.", "Ask again when it is back.")
