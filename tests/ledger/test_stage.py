"""Stages: done, begun or new, whatever moment the process died."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.fsio import digest_file, digest_folder
from burnish.ledger.stage import begin, fingerprint, finish, read_done
from burnish.records.layout import ATTEMPT, DONE


def test_a_finished_stage_is_read_back_with_digests_of_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "sft"
    attempt = begin(folder, "f1", now=lambda: 100.0)
    assert attempt.fresh
    (folder / "adapter").mkdir()
    (folder / "adapter" / "weights").write_bytes(b"w")
    (folder / "rows.jsonl").write_text("{}\n")
    done = finish(folder, attempt, ("adapter", "rows.jsonl"), metrics={"steps": 3}, peak_bytes=7, now=lambda: 130.0)
    assert read_done(folder) == done
    assert done.seconds == 30.0
    assert done.outputs == {
        "adapter": digest_folder(folder / "adapter"),
        "rows.jsonl": digest_file(folder / "rows.jsonl"),
    }


def test_a_finished_stage_whose_output_is_gone_is_not_done_and_begins_anew(tmp_path: Path) -> None:
    attempt = begin(tmp_path / "s", "f1")
    (tmp_path / "s" / "out").write_text("x")
    (tmp_path / "s" / "other").write_text("x")
    finish(tmp_path / "s", attempt, ("out",))
    (tmp_path / "s" / "out").unlink()
    assert read_done(tmp_path / "s") is None
    assert begin(tmp_path / "s", "f1").fresh
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == [ATTEMPT]


def test_an_interrupted_stage_continues_and_its_time_adds_up(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    begin(folder, "f1", now=lambda: 1000.0)
    (folder / "part").write_text("x")
    os.utime(folder / "part", (1020.0, 1020.0))
    os.utime(folder / ATTEMPT, (1000.0, 1000.0))
    attempt = begin(folder, "f1", now=lambda: 5000.0)
    assert (attempt.fresh, attempt.spent_s) == (False, 20.0)
    assert (folder / "part").read_text() == "x"
    assert finish(folder, attempt, (), now=lambda: 5001.5).seconds == 21.5


def test_what_another_fingerprint_began_is_never_mixed_in(tmp_path: Path) -> None:
    begin(tmp_path / "s", "f1")
    (tmp_path / "s" / "part").write_text("of f1")
    assert begin(tmp_path / "s", "f2").fresh
    assert not (tmp_path / "s" / "part").exists()


def test_a_folder_without_an_attempt_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "left").write_text("x")
    assert begin(tmp_path / "s", "f1").fresh
    assert not (tmp_path / "s" / "left").exists()


def test_the_done_file_is_plain_json(tmp_path: Path) -> None:
    finish(tmp_path / "s", begin(tmp_path / "s", "f1"), ())
    assert {"fingerprint", "seconds", "outputs"} <= json.loads((tmp_path / "s" / DONE).read_text()).keys()


@given(st.sampled_from(["stage", "inputs", "code", "seed"]))
def test_everything_that_decides_a_stage_is_in_its_fingerprint(part: str) -> None:
    stage, inputs, code, seed = {"kind": "sft", "epochs": 1}, {"base": "aa"}, "cc", 0
    before = fingerprint(stage, inputs, code=code, seed=seed)
    changed = {
        "stage": fingerprint(stage | {"epochs": 2}, inputs, code=code, seed=seed),
        "inputs": fingerprint(stage, inputs | {"base": "bb"}, code=code, seed=seed),
        "code": fingerprint(stage, inputs, code="dd", seed=seed),
        "seed": fingerprint(stage, inputs, code=code, seed=1),
    }
    assert changed[part] != before
    assert fingerprint(dict(reversed(stage.items())), inputs, code=code, seed=seed) == before


def test_a_finished_training_under_other_settings_is_kept_aside(tmp_path: Path) -> None:
    folder = tmp_path / "sft"
    for round_, content in enumerate(("first", "second"), 1):
        attempt = begin(folder, f"settings {round_}", keep_finished=True)
        assert attempt.fresh
        (folder / "adapter").write_text(content)
        finish(folder, attempt, ("adapter",))
    begin(folder, "settings 3", keep_finished=True)
    assert [(tmp_path / "replaced" / f"sft-{n}" / "adapter").read_text() for n in (1, 2)] == ["first", "second"]
    assert not (folder / "adapter").exists()
    (folder / "half").write_text("begun, never finished")
    begin(folder, "settings 4", keep_finished=True)
    assert not (folder / "half").exists()
    assert len(list((tmp_path / "replaced").iterdir())) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"fingerprint": "x"}', b'{"fingerprint": "x", "seconds": 1, "more": 2}', b"\xff",
     b'{"seconds": ' + b"9" * 10_000 + b"}", b"[" * 100_000],
    ids=range(9),
)  # fmt: skip
def test_a_broken_record_names_its_file_and_one_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DONE).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_done(tmp_path)
    assert caught.value.cause.startswith(f"{tmp_path / DONE} is broken: ")
    assert "\n" not in caught.value.cause
    assert "the stage runs again" in caught.value.way_out
