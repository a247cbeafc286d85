"""The shared hostile set: every sample within what `expect.json` accepts, and nothing got out."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from burnish.records import Completion, Verdict
from burnish.verify import Verifier
from burnish.verify.judge.ladder import Goal
from tests.sandbox.attack_tasks import VALUES, fenced, survivors, task

SECRET = "RV-CANARY-7f3a91"
PORT = 47999


@dataclass(frozen=True)
class Round:
    """All samples judged at once, and the traps that were set around them."""

    verdicts: dict[str, Verdict]
    expect: dict[str, dict[str, Any]]
    canary: Path
    connections: int


@pytest.fixture(scope="module")
def hostile(shared: Path, verifier: Verifier) -> Iterator[Round]:
    folder = shared / "hostile"
    expect: dict[str, dict[str, Any]] = json.loads((folder / "expect.json").read_text())
    canary = Path(tempfile.mkdtemp(prefix="canary-"))
    canary.chmod(0o1777)
    (canary / "secret.txt").write_text(SECRET)
    (canary / "secret.txt").chmod(0o644)
    os.environ["RV_SECRET"] = SECRET
    goals: list[Goal | None] = []
    pairs = []
    for name, wanted in expect.items():
        code = (folder / name).read_text().replace("@CANARY_DIR@", str(canary))
        tested = wanted["stage"] == "test"
        pairs.append((task(name, VALUES if tested else None), Completion(task_id=name, text=fenced(code))))
        goals.append("test" if tested else "run")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", PORT))
        listener.listen()
        listener.setblocking(False)
        try:
            verdicts = verifier.verify(pairs, goals=goals)
        finally:
            del os.environ["RV_SECRET"]
        connections = 0
        try:
            listener.accept()
            connections = 1
        except BlockingIOError:
            pass
    yield Round({v.task_id: v for v in verdicts}, expect, canary, connections)
    shutil.rmtree(canary)


def test_every_sample_is_answered_as_accepted(hostile: Round) -> None:
    wrong = {
        name: (verdict.reason, verdict.detail)
        for name, verdict in hostile.verdicts.items()
        if verdict.reason not in hostile.expect[name]["accept"]
    }
    assert len(hostile.verdicts) == len(hostile.expect) >= 40
    assert not wrong


def test_no_secret_reaches_a_verdict(hostile: Round) -> None:
    for name, verdict in hostile.verdicts.items():
        said = verdict.model_copy(update={"code": ""}).to_json()
        assert len(said) <= hostile.expect[name].get("max_report_bytes", 1 << 20), name
        assert not [text for text in (SECRET, "ESCAPED") if text in said], name


def test_no_sample_writes_or_connects_outside_the_sandbox(hostile: Round) -> None:
    assert [p.name for p in hostile.canary.iterdir()] == ["secret.txt"]
    assert hostile.connections == 0
    assert not survivors()
