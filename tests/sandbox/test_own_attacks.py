"""Attacks of our own, each a file in `samples` that says how it is judged and what a verifier may answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from burnish.records import Completion, Tests
from burnish.verify import Verifier
from burnish.verify.ladder import Goal
from tests.sandbox.judging import DECLARED, RUST, VALUES, fenced, survivors, task

SAMPLES = sorted(Path(__file__).with_name("samples").glob("*.rs"))
SECRET = "RV-CANARY-7f3a91"


def stated(code: str, key: str) -> list[str]:
    found = re.search(rf"^// {key}: (.+)$", code, re.MULTILINE)
    assert found is not None
    return found[1].split()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_attack_is_answered_as_stated(path: Path, verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RV_SECRET", SECRET)
    code = path.read_text()
    kind = stated(code, "goal")[0]
    goal: Goal = "test" if kind in ("rust", "values") else "run" if kind == "run" else "check"
    known: dict[str, Tests] = {"rust": RUST, "values": VALUES}
    tests = known.get(kind)
    judged = task(path.stem, tests, DECLARED if kind == "rust" else None)
    verdict = verifier.verify([(judged, Completion(task_id=path.stem, text=fenced(code)))], goals=[goal])[0]
    assert verdict.reason in stated(code, "accept"), verdict.detail
    said = verdict.model_copy(update={"code": ""}).to_json()
    assert "ESCAPED" not in said
    assert SECRET not in said
    assert not survivors()
