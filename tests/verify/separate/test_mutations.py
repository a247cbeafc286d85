# ruff: noqa: E501
"""With one layer off, an attack gets through: so each layer is needed, and the attacks prove something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier
from burnish.verify.judge import ladder
from burnish.verify.separate import build, decision
from burnish.verify.separate.decision import Decision
from tests.verify.separate.asking import TASKS, judged, task_of
from tests.verify.separate.test_attacks import ATTACKS


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Verifier]:
    with Verifier(VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)) as one:
        yield one


@pytest.mark.parametrize(
    ("attack", "file", "old", "new"),
    [
        ("a slice that comes back longer", "lib.rs", "if new.len() == many { Ok(new) } else { Err(Malformed) }", "Ok(new)"),
        ("bytes behind the value", "lib.rs", "if self.at != self.body.len() {", "if false {"),
        ("the same key twice", "values.rs", "if found.len() == many { Ok(found) } else { Err(Malformed) }", "Ok(found)"),
        ("exit(0) where a panic is wanted", "lib.rs", "unsafe { _exit(BROKEN) }\n}\n\n/// A q", "panic!(\"too large\")\n}\n\n/// A q"),
        ("no frame where a panic is wanted", "lib.rs", "unsafe { _exit(BROKEN) }\n}\n\n/// A q", "panic!(\"too large\")\n}\n\n/// A q"),
    ],
)  # fmt: skip
def test_without_a_check_of_the_codec_an_attack_passes(
    monkeypatch: pytest.MonkeyPatch, attack: str, file: str, old: str, new: str
) -> None:
    files = build.wire_sources()
    assert old in files[file]
    mutated = files | {file: files[file].replace(old, new)}
    monkeypatch.setattr(build, "wire_sources", lambda: mutated)
    with Verifier(VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)) as without:
        kind, code, _ = ATTACKS[attack]
        assert judged(without, task_of(*TASKS[kind]), code).reason == "ok"


def test_in_the_answers_own_process_its_types_decide(fresh: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, code, _ = ATTACKS["a type of the declared name that equals everything"]
    monkeypatch.setattr(decision.Separate, "decide", lambda self, task: Decision("in_process"))
    code = code.replace("Some(Shape::Dot)", "_s.first().map(|_| Shape::Dot)").replace("_: &[Shape]", "_s: &[Shape]")
    assert judged(fresh, task_of(*TASKS[kind]), code).reason == "tests_failed", "what compares otherwise is refused"
    monkeypatch.setattr(ladder, "false_type", lambda *_texts: "")
    with Verifier(VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)) as without:
        assert judged(without, task_of(*TASKS[kind]), code).reason == "ok"


def test_without_an_exit_code_of_its_own_a_broken_call_would_pass(
    fresh: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = build.wire_sources()
    monkeypatch.setattr(
        build,
        "wire_sources",
        lambda: files | {"lib.rs": files["lib.rs"].replace("BROKEN: i32 = 97", "BROKEN: i32 = 0")},
    )
    kind, code, _ = ATTACKS["exit(0) in the call"]
    with Verifier(VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)) as without:
        assert judged(without, task_of(*TASKS[kind]), code).reason == "ok"
