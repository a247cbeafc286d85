"""One verifier for many callers: requests queue up, one thread judges them together, each gets its verdicts as it is
done.

Requests that wait while others are judged are taken in one go, so that small requests share all workers and equal
programs are judged once. A program that runs into its time limit holds back those that came after its turn began, by
that limit at most.

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
"""Candidates that may wait; more are refused, so that memory stays bounded."""
MOST_AT_ONCE = 512
"""Candidates judged in one go, unless one request alone has more."""

Asked = tuple[Task, Completion, Goal | None]


class ServiceBusyError(MachineError):
    """More waits than may; nothing of this request was taken."""


class ServiceClosedError(MachineError):
    """The service stops; what was not judged yet will not be."""


@dataclass
class _Request:
    """Candidates of one caller, and the verdicts there are so far."""

    asked: Sequence[Asked]
    done: Future[list[Verdict]] = field(default_factory=Future)
    verdicts: dict[int, Verdict] = field(default_factory=dict)


class VerdictService:
    """Owns a verifier; `submit` may be called from any thread. Close it, and the verifier is closed with it.

    The verifier must have an infra budget of 1: a fault is a verdict here, and the caller's to weigh.
    """

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self._waiting: deque[_Request] = deque()
        self._waiting_candidates = 0
        self._closing = self._refusing = False
        self._change = threading.Condition()
        self._lane = threading.Thread(target=self._serve, name="verdicts", daemon=True)
        self._lane.start()

    def submit(self, asked: Sequence[Asked]) -> Future[list[Verdict]]:
        """Verdicts in the order of ``asked``, later. Raises ServiceBusyError and ServiceClosedError."""
        request = _Request(asked)
        with self._change:
            if self._closing or self._refusing:
                raise _closed()
            if self._waiting_candidates + len(asked) > MOST_WAITING:
                raise ServiceBusyError(f"{self._waiting_candidates} candidates are waiting.", "Ask again later.")
            self._waiting.append(request)
            self._waiting_candidates += len(asked)
            self._change.notify()
        return request.done

    def refuse(self) -> None:
        """Take nothing more; what was taken is finished."""
        with self._change:
            self._refusing = True

    def close(self) -> None:
        """Refuse what waits, stop what runs, close the verifier. Calling it twice is fine."""
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
        """What is judged together next: whole requests, at least one."""
        taken: list[_Request] = []
        size = 0
        while self._waiting and (not taken or size + len(self._waiting[0].asked) <= MOST_AT_ONCE):
            request = self._waiting.popleft()
            self._waiting_candidates -= len(request.asked)
            if request.done.set_running_or_notify_cancel():  # else its caller has gone
                taken.append(request)
                size += len(request.asked)
        return taken

    def _judge(self, requests: Sequence[_Request]) -> None:
        places = [(request, index) for request in requests for index in range(len(request.asked))]
        for request in requests:
            if not request.asked:
                request.done.set_result([])

        def hand_out(verdict: Verdict) -> None:
            request, index = places[int(verdict.task_id)]
            if request.done.done():
                return
            if self._closing and verdict.status == "infra":  # what was stopped has no verdict
                request.done.set_exception(_closed())
                return
            task = request.asked[index][0]
            request.verdicts[index] = verdict.model_copy(update={"task_id": task.id})
            if len(request.verdicts) == len(request.asked):
                request.done.set_result([request.verdicts[i] for i in range(len(request.asked))])

        asked = list(itertools.chain.from_iterable(request.asked for request in requests))
        # Callers know nothing of each other, so their ids may be equal: a number stands for each while it is judged.
        pairs = [(task.model_copy(update={"id": str(n)}), answer) for n, (task, answer, _) in enumerate(asked)]
        self.verifier.verify(pairs, goals=[goal for _, _, goal in asked], on_verdict=hand_out)


def _closed() -> ServiceClosedError:
    return ServiceClosedError("the verifier is stopping.", "Ask again when it is back.")
