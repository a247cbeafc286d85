"""What a job's processes used of the machine, all together, and how long they stood in line for a core.

CPU time of the whole group decides about a limit: of the control group where there is one, else the sum over all
processes that were seen. Time in line is no time of the program's own: where others kept the cores busy, the wall clock
stands still for it. Its own threads keep one another waiting, too, and that must not count, or a program could choose
to be waited for: what the other threads used is taken off the longest wait of any thread between two looks.

Source: /proc/PID/schedstat (time on a core, time in line, both in ns). Not covered: processes that live and die between
two looks, where there is no control group.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from burnish.verify.sandbox.cgroups import Group


class Meter(Protocol):
    """Counts for one job, from its start."""

    def look(self) -> None:
        """Count up to now."""
        ...

    @property
    def cpu_ms(self) -> float | None:
        """CPU time of all processes up to the last look; None where it cannot be known."""
        ...

    @property
    def starved_ms(self) -> float:
        """How long others kept the program from running, up to the last look."""
        ...


class GroupMeter:
    """`Meter` of a control group, or of what stands in for one."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._before = group.cpu_ms()
        self._seen: dict[int, tuple[float, float]] = {}
        """Thread -> time on a core and in line, at the last look."""
        self._gone_ms = 0.0
        self._used_ms = 0.0
        self.starved_ms = 0.0

    @property
    def cpu_ms(self) -> float | None:
        """CPU time of all processes up to the last look; None where it cannot be known."""
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
            # Twice: they keep it waiting, and a group past its share of a core is held back for as long again.
            longest = max(longest, line - line_before - 2 * by_others)
        self.starved_ms += longest

    def _threads(self) -> list[int]:
        try:
            return self._group.threads()
        except OSError:
            return []


def _spent(thread: int) -> tuple[float, float] | None:
    """Milliseconds of a thread on a core and in line; None when it has ended."""
    try:
        used, line, _ = Path(f"/proc/{thread}/schedstat").read_text().split()
    except (OSError, ValueError):
        return None
    return int(used) / 1e6, int(line) / 1e6
