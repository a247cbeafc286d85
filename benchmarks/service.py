"""What the verdict service does under mixed load: a real server on loopback, real clients.

    python -m benchmarks.service [--json FILE] [--clients N] [--seconds N]

Clients ask over and over: good and bad programs, whole requests that are refused, large answers, programs that run into
their time limit; ten of them send 250 KiB of brackets. Meanwhile ``/health`` is asked. Counted are answers of 5xx,
verdicts that are not the right ones, the 99th percentile of ``/health`` and memory after the first minute; at the end
SIGTERM comes with requests in flight, and each must be answered with verdicts or with 503.

Not covered: clients on other machines; several servers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.goals import Goal, below, report

BRACKET_CLIENTS = 10
MOST_GROWTH = 1.2
"""Memory at the end, of that after the first minute (or the first half, when the run is shorter)."""
KINDS = ("good", "good", "bad", "refused", "large", "slow")
ADD = "pub fn add(a: i64, b: i64) -> i64 {{ let n{0} = a; n{0} {1} b }}"
VALUES = {"kind": "values", "cases": [{"call": "add(2, 3)", "type": "i64", "expected": "5"}]}


@dataclass
class Seen:
    """What the clients saw; shared by their threads."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    health_s: list[float] = field(default_factory=list)
    memory_kib: list[tuple[float, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: httpx.Response, wanted: Sequence[str]) -> None:
        """An answer; ``wanted`` are the reasons that its verdicts should have, none where it should be refused."""
        with self.lock:
            self.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                reasons = [verdict["reason"] for verdict in answer.json()["verdicts"]]
                if reasons != list(wanted):
                    self.wrong.append(f"{reasons} in place of {list(wanted)}")
            elif wanted and answer.status_code != 503:
                self.wrong.append(f"{answer.status_code} in place of {list(wanted)}")


def requests(number: int, draw: random.Random) -> Iterator[tuple[bytes, list[str]]]:
    """Bodies without end, each with the reasons of its verdicts."""
    for turn in range(1 << 30):
        kind = (
            "brackets" if number < BRACKET_CLIENTS else draw.choice(("good", "good", "bad", "refused", "large", "slow"))
        )
        own = f"{number}_{turn}"
        rows: list[dict[str, Any]]
        if kind == "brackets":
            rows, wanted = [{"id": own, "completion": draw.choice("([{") * 250_000}], ["no_code"]
        elif kind == "good":
            rows, wanted = [{"id": own, "code": ADD.format(own, "+"), "tests": VALUES}], ["ok"]
        elif kind == "bad":
            codes = [ADD.format(own, "-"), f"fn {own} {{"]
            rows = [{"id": str(n), "code": code, "tests": VALUES} for n, code in enumerate(codes)]
            wanted = ["tests_failed", "compile_error"]
        elif kind == "refused":
            yield b'{"rows": [{"id": "a", "code": "\\ud800"}]}', []
            continue
        elif kind == "large":
            rows, wanted = [{"id": own, "code": f"// {'x' * 300_000}\npub fn f() {{}}"}], ["too_long"]
        else:
            rows, wanted = [{"id": own, "code": f"fn main() {{ let _n{own} = 1; loop {{}} }}"}], ["timeout"]
            if turn % 8:
                continue
        yield json.dumps({"rows": rows}).encode(), wanted


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address of a server, and its process."""
    command = [sys.executable, "-c", "from burnish.cli import main; main()", "verify", "serve"]
    command += ["--set", "port=0", "--set", f"verify.cache={folder / 'verdicts.sqlite'}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = re.fullmatch(r"verdicts at (http://\S+)/verify\n", process.stdout.readline())
        assert found, "the service did not start"
        yield found[1], process
    finally:
        process.terminate()
        process.wait()


def client(address: str, number: int, until: threading.Event, seen: Seen) -> None:
    """Ask until the end, or until the server refuses; an answer that was cut off counts as 599.

    Each request has a connection of its own: one that lay idle may be closed at any time, and HTTP cannot tell when.
    """
    with httpx.Client(timeout=300, trust_env=False, headers={"Connection": "close"}) as web:
        for body, wanted in requests(number, random.Random(number)):
            if until.is_set():
                return
            try:
                answer = web.post(f"{address}/verify", content=body)
                seen.note(answer, wanted)
                if answer.status_code == 503:
                    return
            except httpx.ConnectError:
                return  # the door is shut
            except httpx.TransportError as error:
                with seen.lock:
                    seen.statuses[599] += 1
                    seen.wrong.append(f"cut off: {error!r}")
                return


def watch(address: str, pid: int, until: threading.Event, seen: Seen) -> None:
    """Ask ``/health`` and look at memory, twenty times a second at most."""
    began = time.monotonic()
    with httpx.Client(timeout=60, trust_env=False) as web:
        while not until.wait(0.05):
            asked = time.monotonic()
            web.get(f"{address}/health").raise_for_status()
            seen.health_s.append(time.monotonic() - asked)
            kib = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])  # type: ignore[index]
            seen.memory_kib.append((asked - began, kib))


def loaded(folder: Path, clients: int, seconds: float) -> tuple[Seen, Counter[int]]:
    """What was seen under load, and the statuses of answers after SIGTERM."""
    seen, after = Seen(), Seen()
    with serving(folder) as (address, process):
        until, quiet = threading.Event(), threading.Event()
        threads = [threading.Thread(target=client, args=(address, n, until, seen)) for n in range(clients)]
        watcher = threading.Thread(target=watch, args=(address, process.pid, quiet, seen))
        for thread in (*threads, watcher):
            thread.start()
        time.sleep(seconds)
        quiet.set()
        watcher.join()
        until.set()
        for thread in threads:
            thread.join()
        numbers = range(BRACKET_CLIENTS, BRACKET_CLIENTS + 8)
        last = [threading.Thread(target=client, args=(address, n, threading.Event(), after)) for n in numbers]
        for thread in last:
            thread.start()
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        for thread in last:
            thread.join()
    seen.wrong += after.wrong
    return seen, after.statuses


def goals_of(seen: Seen, after: Counter[int], seconds: float) -> list[Goal]:
    """The figures with their goals."""
    errors = sum(count for status, count in seen.statuses.items() if status >= 500)
    health = sorted(seen.health_s)
    half = min(60.0, seconds / 2)
    early = [kib for at, kib in seen.memory_kib if at <= half]
    late = [kib for at, kib in seen.memory_kib if at > half]
    return [
        Goal("errors_5xx", errors, "0", errors == 0),
        Goal("wrong_verdicts", len(seen.wrong), "0", not seen.wrong),
        Goal("health_p99_s", p99 := health[int(len(health) * 0.99)], "<= 0.5 s", p99 <= 0.5),
        below("memory_growth", max(late) / max(early), MOST_GROWTH),
        Goal("cut_off_at_sigterm", after[599], "0", after[599] == 0),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--json", type=Path, help="write the goals to this file, too")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="burnish-service-") as folder:
        seen, after = loaded(Path(folder), options.clients, options.seconds)
    print(f"answers by status: {dict(seen.statuses)}; after SIGTERM: {dict(after)}")
    print(f"/health was asked {len(seen.health_s)} times")
    for one in sorted(set(seen.wrong))[:10]:
        print(f"  wrong: {one}")
    report(goals_of(seen, after, options.seconds), options.json)


if __name__ == "__main__":
    main()
