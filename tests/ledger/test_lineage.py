"""Lineage goes by digest, across runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.ledger.lineage import Lineage
from burnish.ledger.stage import Done
from burnish.ledger.store import Ledger
from tests.ledger.example_ledger import MODEL_FILES, fill, run


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        fill(opened, tmp_path)
        yield opened


def sources(lineage: Lineage, run_id: str) -> dict[str, str | None]:
    return {
        f"{stage.name}: {read.name}": f"{source.run} {source.stage} {source.artefact}"
        if (source := read.source) is not None
        else None
        for stage in lineage.stages[run_id]
        for read in lineage.reads(run_id, stage)
    }


def test_what_a_stage_read_is_found_in_its_own_run_and_in_others(ledger: Ledger) -> None:
    lineage = Lineage(ledger)
    assert sources(lineage, "id-pretraining") == {"merge: text": None}
    assert sources(lineage, "id-tuning") == {
        "sft: base": "pretraining merge model",
        "measure: sft": "tuning sft adapter",
        "report: sft": "tuning sft ",
    }
    assert sources(lineage, "id-evaluation") == {
        "measure: adapter": "tuning sft adapter",
        "measure: base model": "pretraining merge model",
    }


def test_relatives_are_all_that_it_came_from_and_all_that_came_from_it(ledger: Ledger) -> None:
    lineage = Lineage(ledger)
    family = {f"id-{name}" for name in ("pretraining", "tuning", "evaluation", "fork")}
    assert lineage.related("id-tuning") == family
    assert lineage.related("id-pretraining") == family
    assert lineage.related("id-evaluation") == {"id-evaluation", "id-tuning", "id-pretraining"}
    assert lineage.related("id-stranger") == {"id-stranger"}
    forked = next(link for link in lineage.parents("id-fork") if link.fork)
    assert (forked.parent, forked.how) == ("id-tuning", "forked from sft at step 4")


def test_who_depends_on_a_run_reads_what_it_alone_made(ledger: Ledger, tmp_path: Path) -> None:
    lineage = Lineage(ledger)
    assert [(other.name, how) for other, how in lineage.dependents("id-tuning")] == [
        ("evaluation", "measure reads sft/adapter as its adapter")
    ]  # the fork has copies
    assert lineage.dependents("id-evaluation") == []
    run(ledger, tmp_path, "twin")
    done = Done("f", 1.0, {"model": "m"}, {}, None, 9.0)
    ledger.record_stage("id-twin", name="merge", kind="merge", done=done, inputs={}, aliases={"model": [MODEL_FILES]})
    lineage = Lineage(ledger)
    assert lineage.dependents("id-pretraining") == []
    (stage, *_) = lineage.stages["id-tuning"]
    (read,) = lineage.reads("id-tuning", stage)
    assert read.source is not None
    assert (read.source.run, read.others) == ("pretraining", 1)
