"""Measure the CPU time of all processes of a job, and how long they waited for a core.

The CPU time of the whole group decides about a limit: that of the control group if there is one, otherwise the sum over
all observed processes. Waiting time is not the program's own: while others keep the cores busy, its wall clock stops.
Waiting for its own threads must not count, or a program could extend its time: the CPU time of its other threads is
subtracted from the longest wait of any thread between two samples.

Source: /proc/PID/schedstat (time on a core, waiting time, both in ns). Not covered: processes that live and die between
two samples, without a control group.
"""

from __future__ import annotations

from pathlib import Path

from burnish.verify.sandbox.cgroups import Group


class GroupMeter:
    """Count for one job from its start, by its control group or the stand-in for one."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._before = group.cpu_ms()
        self._seen: dict[int, tuple[float, float]] = {}
        """Thread -> time on a core and waiting time, at the last sample."""
        self._gone_ms = 0.0
        self._used_ms = 0.0
        self.starved_ms = 0.0
        """How long others kept the program from running, up to the last sample."""

    @property
    def cpu_ms(self) -> float | None:
        """Return the CPU time of all processes up to the last sample; None if unknown."""
        if self._before is not None:
            return self._used_ms
        return self._gone_ms + sum(used for used, _ in self._seen.values()) if self._seen or self._gone_ms else None

    def look(self) -> None:
        """Count up to now."""
        now = {thread: spent for thread in self._threads() if (spent := _spent(thread)) is not None}
        before, used_before = self._seen, self.cpu_ms or 0.0
        self._gone_ms += sum(used for thread, (used, _) in before.items() if thread not in now)
        self._seen = now
        total = self._group.cpu_ms()
        if total is not None and self._before is not None:
            self._used_ms = total - self._before
        used = (self.cpu_ms or 0.0) - used_before
        longest = 0.0
        for thread, (on, line) in now.items():
            on_before, line_before = before.get(thread, (0.0, 0.0))
            by_others = max(0.0, used - (on - on_before))
            # Twice: other threads make it wait, and a group beyond its share of a core is throttled for as long again.
            longest = max(longest, line - line_before - 2 * by_others)
        self.starved_ms += longest

    def _threads(self) -> list[int]:
        try:
            return self._group.threads()
        except OSError:
            return []


def _spent(thread: int) -> tuple[float, float] | None:
    """Return milliseconds of a thread on a core and waiting; None when it has ended."""
    try:
        used, line, _ = Path(f"/proc/{thread}/schedstat").read_text().split()
    except (OSError, ValueError):
        return None
    return int(used) / 1e6, int(line) / 1e6
