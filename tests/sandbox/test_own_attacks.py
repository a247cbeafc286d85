"""Attacks of our own, each a file in `samples` that says how it is judged and what a verifier may answer.

``accept`` is what every backend may answer, ``accept NAME`` what that one may instead; ``needs`` names a layer without
which a sample gets through, as the layers of a verdict then say.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from burnish.records import Completion, Tests
from burnish.verify import Verifier
from burnish.verify.judge.ladder import Goal
from burnish.verify.sandbox.layers import missing
from tests.sandbox.attack_tasks import DECLARED, RUST, VALUES, fenced, survivors, task

SAMPLES = sorted(Path(__file__).with_name("samples").glob("*.rs"))
SECRET = "RV-CANARY-7f3a91"


def stated(code: str, key: str) -> list[str]:
    """The words behind ``key`` in a sample's head; none when it does not stand there."""
    found = re.search(rf"^// {key}: (.+)$", code, re.MULTILINE)
    return found[1].split() if found is not None else []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_attack_is_answered_as_stated(
    path: Path, verifier: Verifier, layers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RV_SECRET", SECRET)
    code = path.read_text()
    absent = missing(stated(code, "needs"), layers)
    if absent:
        pytest.skip(f"{layers[0]} has no {absent[0]} here, and says so")
    kind = stated(code, "goal")[0]
    goal: Goal = "test" if kind in ("rust", "values") else "run" if kind == "run" else "check"
    known: dict[str, Tests] = {"rust": RUST, "values": VALUES}
    tests = known.get(kind)
    judged = task(path.stem, tests, DECLARED if kind == "rust" else None)
    verdict = verifier.verify([(judged, Completion(task_id=path.stem, text=fenced(code)))], goals=[goal])[0]
    accepted = stated(code, f"accept {layers[0].split()[0]}") or stated(code, "accept")
    assert verdict.reason in accepted, verdict.detail
    said = verdict.model_copy(update={"code": ""}).to_json()
    assert "ESCAPED" not in said
    assert SECRET not in said
    assert not survivors()
