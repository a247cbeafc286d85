from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from burnish.config.load import load_config
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.config.verbs.prepare import PrepareConfig
from burnish.errors import ConfigError, DataError, RunFolderError
from burnish.fsio import read_lines
from burnish.ledger.metrics import read_metrics
from burnish.ledger.run_folder import RunFolder
from burnish.records import Example
from burnish.records.files import read_rows
from burnish.workflows.rows.prepare import prepare_data, training_examples
from burnish.workflows.run.context import Run

RECIPES = Path(__file__).parents[3] / "recipes" / "data"
GOOD = "/// Adds.\npub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n"
BROKEN = '/// Adds.\npub fn add(a: i64) -> i64 {\n    "a"\n}\n'
LINTED = "/// Is it?\npub fn f(v: Vec<i64>) -> bool {\n    v.len() == 0\n}\n"
RESULTS = ("rows.jsonl", "dropped.jsonl", "filter_stats.json", "filter_stats.csv")


def rows(path: Path, *texts: Any) -> Path:
    path.write_text("".join((json.dumps({"text": text}) if text is not None else "{") + "\n" for text in texts))
    return path


def prepare(tmp_path: Path, *, out: str = "out", **settings: Any) -> Path:
    """Run the command with these settings; returns the folder."""
    file = tmp_path / f"{out}.yaml"
    file.write_text(yaml.safe_dump({"out": str(tmp_path / out), "cache": str(tmp_path / "cache"), **settings}))
    prepare_data(load_config(PrepareConfig, file))
    return tmp_path / out


def texts(folder: Path) -> list[str | None]:
    return [Example.from_json(line).text for line in read_lines(folder / "rows.jsonl")]


def reasons(folder: Path) -> list[str]:
    return [json.loads(line)["reason"] for line in read_lines(folder / "dropped.jsonl")]


def test_prepared_files_have_the_documented_content(tmp_path: Path) -> None:
    one = rows(tmp_path / "one.jsonl", GOOD, "fn f() {}", None, GOOD + "// end\n")
    two = rows(tmp_path / "two.jsonl", "x" * 300)
    short = {"kind": "too_short", "characters": 20}
    sources = [{"path": str(one), "name": "one", "weight": 0.5}, {"path": str(two), "name": "two"}]
    out = prepare(tmp_path, sources=sources, filters=[short, "does_not_parse"], bad_rows=1)
    assert texts(out) == [GOOD, GOOD + "// end\n", "x" * 300][:2]
    first = Example.from_json(next(read_lines(out / "rows.jsonl")))
    assert (first.id, first.source, first.weight) == (f"{one}:1", "one", 0.5)
    dropped = list(read_rows(out / "dropped.jsonl"))
    assert dropped[0] == {"id": f"{one}:2", "source": "one", "reason": "too_short", "detail": "9 characters"}
    assert [row["reason"] for row in dropped] == ["too_short", "unusable", "does_not_parse"]
    stats = json.loads((out / "filter_stats.json").read_text())
    assert stats["datasets"]["one"] == {
        "total": 4, "passed": 2, "filtered": 2, "pass_rate": 50.0, "filter_reasons": {"too_short": 1, "unusable": 1},
    }  # fmt: skip
    assert (stats["total_samples"], stats["total_passed"], stats["total_filtered"], stats["total_written"]) == (
        5,
        2,
        3,
        2,
    )
    [header, *lines] = list(csv.reader((out / "filter_stats.csv").read_text().splitlines()))
    assert header == ["dataset", "total", "passed", "filtered", "pass_rate", "does_not_parse", "too_short", "unusable"]
    assert lines[1] == ["two", "1", "0", "1", "0.0", "1", "0", "0"]
    metrics = {row.stage: row.values for row in read_metrics(out / "metrics.jsonl")}
    assert metrics["prepare one"]["reason.too_short"] == 1
    assert metrics["prepare two"]["pass_rate"] == 0


def test_prepared_rows_can_be_prepared_again(tmp_path: Path) -> None:
    first = prepare(tmp_path, sources=[str(rows(tmp_path / "rows.jsonl", GOOD, BROKEN))])
    again = prepare(tmp_path, out="again", sources=[str(first / "rows.jsonl")])
    assert texts(again) == [GOOD, BROKEN]


@pytest.mark.parametrize("phase", ["rust-phase1", "rust-phase2"])
def test_streaming_cached_and_processes_agree_on_the_public_corpus(shared: Path, tmp_path: Path, phase: str) -> None:
    recipe = yaml.safe_load((RECIPES / f"{phase}.yaml").read_text())
    recipe["sources"] = [str(shared / "data" / "rust_corpus" / "sources.jsonl")]
    found = []
    for streaming in (True, False):
        for workers in (1, 2):
            out = f"{streaming}-{workers}"
            cache = str(tmp_path / f"cache-{workers}")
            folder = prepare(
                tmp_path, **{**recipe, "out": out, "streaming": streaming, "workers": workers, "cache": cache}
            )
            found.append({name: (folder / name).read_bytes() for name in RESULTS})
    assert all(one == found[0] for one in found)
    counts = json.loads(found[0]["filter_stats.json"])
    assert counts["total_samples"] == 593
    assert counts["total_passed"] == {"rust-phase1": 574, "rust-phase2": 185}[phase]


def test_the_shipped_filters_load() -> None:
    for path in sorted(RECIPES.glob("*.yaml")):
        config = load_config(PrepareConfig, path)
        assert f"burnish data prepare --config recipes/data/{path.name}" in path.read_text()
        assert config.filters


def test_cached_rows_are_used_again_until_anything_changes(tmp_path: Path) -> None:
    source = rows(tmp_path / "rows.jsonl", GOOD, "short")
    settings: dict[str, Any] = {"sources": [str(source)], "filters": [{"kind": "too_short", "characters": 10}]}
    entries = tmp_path / "cache" / "prepared"

    def count() -> int:
        return sum(path.is_dir() for path in entries.iterdir())

    first = prepare(tmp_path, **settings)
    assert count() == 1
    again = prepare(tmp_path, out="again", **settings)
    assert (count(), texts(again)) == (1, texts(first))
    assert [(first / name).read_bytes() for name in RESULTS] == [(again / name).read_bytes() for name in RESULTS]
    rows(source, GOOD, "short", GOOD)
    assert texts(prepare(tmp_path, out="more", **settings)) == [GOOD, GOOD]
    assert count() == 2
    settings["filters"] = [{"kind": "too_short", "characters": 3}]
    prepare(tmp_path, out="looser", **settings)
    prepare(tmp_path, out="seeded", **settings, seed=1)
    prepare(tmp_path, out="mixed", **settings, mixture={"shuffle": "window"})
    assert count() == 5
    prepare(tmp_path, out="streamed", **settings, streaming=True)
    assert count() == 5


def test_rows_that_compile_without_lints(tmp_path: Path) -> None:
    source = rows(tmp_path / "rows.jsonl", GOOD, BROKEN, LINTED, "prose, not code")
    out = prepare(tmp_path, sources=[str(source)], filters=["does_not_compile", "has_lints"])
    assert texts(out) == [GOOD]
    dropped = list(read_rows(out / "dropped.jsonl"))
    assert [row["reason"] for row in dropped] == ["does_not_compile", "has_lints", "does_not_compile"]
    assert dropped[0]["detail"].startswith("E0308 ")
    assert dropped[1]["detail"] == "clippy::len_zero"


def test_near_duplicates_are_those_of_rows_that_came_before(tmp_path: Path) -> None:
    body = "".join(f"    let v{n} = x * {n} + y;\n" for n in range(30))
    text = f"pub fn f(x: i64, y: i64) -> i64 {{\n{body}    v1\n}}\n"
    one = rows(tmp_path / "one.jsonl", text, GOOD)
    two = rows(tmp_path / "two.jsonl", text.replace("x", "width"), LINTED)
    settings: dict[str, Any] = {"sources": [str(one), str(two)], "filters": ["near_duplicate"]}
    out = prepare(tmp_path, **settings)
    assert texts(out) == [text, GOOD, LINTED]
    [dropped] = list(read_rows(out / "dropped.jsonl"))
    assert (dropped["id"], dropped["reason"]) == (f"{two}:1", "near_duplicate")
    assert f"{one}:1" in dropped["detail"]
    mixed = {"mode": "round_robin", "when_exhausted": "repeat"}
    again = prepare(tmp_path, out="again", **settings, mixture=mixed, workers=2)
    assert reasons(again) == ["near_duplicate"]


def test_rows_that_hold_a_task(tmp_path: Path) -> None:
    body = "".join(f"    let v{n} = x.checked_mul({n}).unwrap_or(y);\n" for n in range(8))
    task = f"pub fn f(x: i64, y: i64) -> i64 {{\n{body}    v1\n}}\n"
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text(json.dumps({"id": "t", "family": "f", "prompt": [], "reference": task}) + "\n")
    source = rows(tmp_path / "rows.jsonl", task.replace("x", "width"), GOOD)
    out = prepare(tmp_path, sources=[str(source)], filters=[{"kind": "contaminated", "tasks": [str(tasks)]}], workers=2)
    assert (texts(out), reasons(out)) == ([GOOD], ["contaminated"])


def test_rows_whose_licence_allows_the_use(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    said = ("MIT OR GPL-3.0", "GPL-3.0", "ISC", None)
    source.write_text("".join(json.dumps({"text": GOOD, "license": one}) + "\n" for one in said))
    out = prepare(tmp_path, sources=[str(source)], filters=[{"kind": "licence", "allow": ["MIT"]}], streaming=True)
    assert [json.loads(line)["detail"] for line in read_lines(out / "dropped.jsonl")] == ["GPL-3.0", "ISC", "unknown"]


def test_a_failed_preparation_leaves_no_files(tmp_path: Path) -> None:
    source = rows(tmp_path / "rows.jsonl", *([GOOD] * 3), None)
    for streaming in (True, False):
        with pytest.raises(DataError, match=r"rows.jsonl:4: not JSON"):
            prepare(tmp_path, sources=[str(source)], streaming=streaming)
        assert not (tmp_path / "out").exists()
    assert texts(prepare(tmp_path, sources=[str(source)], bad_rows=1, streaming=True)) == [GOOD] * 3
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    source = rows(tmp_path / "rows.jsonl", GOOD)
    out = prepare(tmp_path, sources=[str(source)])
    with pytest.raises(RunFolderError, match="is not empty"):
        prepare(tmp_path, sources=[str(source)])
    assert texts(out) == [GOOD]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sources": ["a.jsonl"], "filters": ["test_fil"]}, "unknown kind 'test_fil'; did you mean 'test_file'"),
        (
            {"sources": ["a.jsonl"], "filters": [{"kind": "too_short", "chars": 3}]},
            "unknown key 'chars'; did you mean 'cha",
        ),
        ({"sources": ["a.jsonl", {"path": "a.jsonl"}]}, "two sources are named 'a.jsonl'; give each a `name`"),
        ({"sources": []}, "sources"),
        ({"sources": [{"path": "a.jsonl", "fields": {"txt": "content"}}]}, "txt"),
        ({"sources": [{"kind": "jsnl", "path": "a"}]}, "unknown kind 'jsnl'; did you mean 'jsonl'"),
    ],
)
def test_contradictory_settings_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(tmp_path, **settings)
    assert message in caught.value.cause


def train_on(tmp_path: Path, **data: Any) -> list[str | None]:
    """Texts of what an SFT stage with this ``data`` would train on; its folder is ``tmp_path``."""
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump({"name": "x", "data": data, "stages": [{"kind": "sft", "name": "sft"}]}))
    recipe = load_config(Recipe, file)
    run = Run(recipe, RunFolder(tmp_path, "id"), {}, None)
    stage = run.adapter_stage("sft")
    assert isinstance(stage, SftStage)
    return [row.text for row in training_examples(run, stage, tmp_path)]


def test_a_run_trains_on_what_the_command_would_write(tmp_path: Path) -> None:
    one, two = rows(tmp_path / "one.jsonl", GOOD, "short", None), rows(tmp_path / "two.jsonl", LINTED)
    data: dict[str, Any] = {
        "sources": [str(one), str(two)],
        "filters": [{"kind": "too_short", "characters": 10}],
        "mixture": {"mode": "round_robin"},
        "bad_rows": 1,
    }
    assert train_on(tmp_path, **data) == texts(prepare(tmp_path, **data)) == [GOOD, LINTED]
    assert reasons(tmp_path) == ["too_short", "unusable"]
    assert [json.loads(line)["line"] for line in read_lines(tmp_path / "rejected.jsonl")] == [3]
    assert json.loads((tmp_path / "filter_stats.json").read_text())["total_passed"] == 2


def test_a_run_without_filters_writes_no_counts_and_says_which_row_is_bad(tmp_path: Path) -> None:
    assert train_on(tmp_path, sources=[str(rows(tmp_path / "one.jsonl", GOOD, LINTED))]) == [GOOD, LINTED]
    assert not (tmp_path / "dropped.jsonl").exists()
    with pytest.raises(DataError, match=r"two.jsonl:2: not JSON"):
        train_on(tmp_path, sources=[str(rows(tmp_path / "two.jsonl", GOOD, None))])
    assert [json.loads(line)["line"] for line in read_lines(tmp_path / "rejected.jsonl")] == [2]


def test_filters_that_leave_nothing_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the filters leave no row"):
        train_on(tmp_path, sources=[str(rows(tmp_path / "one.jsonl", "short"))], filters=["too_short"])
