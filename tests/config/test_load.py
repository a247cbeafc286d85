"""Loading configuration: strict values, places of errors, overrides, and the shipped recipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.config.data.training_data import JsonlSource
from burnish.config.load import load_config
from burnish.config.stages.adapters import LoraConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.config.tasks import RustTasks, TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig
from burnish.config.yaml_source import Source, apply_override
from burnish.errors import ConfigError

RECIPE = """\
name: quick
data:
  tasks: {kind: rust, train: 20}
stages:
  - kind: tasks
    name: tasks
  - kind: sft
    name: sft
    learning_rate: 1e-3
    adapter: {r: 8}
  - kind: evaluate
    name: measure
    model: sft
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def cause_of(path: Path | None, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(Recipe, path, overrides)
    return caught.value.cause


def sft_of(config: Recipe) -> SftStage:
    (stage,) = (stage for stage in config.stages if isinstance(stage, SftStage))
    return stage


def test_a_recipe_loads_with_defaults_and_plain_exponents(recipe: Path) -> None:
    config = load_config(Recipe, recipe)
    assert (config.name, config.runs_dir, config.model.base) == ("quick", Path("runs"), "nano")
    assert sft_of(config).learning_rate == 1e-3
    assert sft_of(config).adapter == LoraConfig(r=8)


def test_a_resolved_recipe_is_read_back_with_every_default_said(recipe: Path) -> None:
    """As a training process and a fork read it."""
    config = load_config(Recipe, recipe)
    assert config.launch.processes == "auto"
    assert Recipe.model_validate_json(json.dumps(config.model_dump(mode="json"))) == config
    assert load_config(Recipe, recipe, ["launch.processes=auto"]) == config
    assert "launch.processes" in cause_of(recipe, "launch.processes=0")


RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize(
    "path", sorted({*RECIPES.glob("*.yaml")} - {*RECIPES.glob("*-grid.yaml")}), ids=lambda p: p.stem
)
def test_every_shipped_recipe_loads_and_states_its_cost(path: Path) -> None:
    config = load_config(Recipe, path)
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert config.name == path.stem
    for word in (f"burnish run recipes/{path.name}", "Hardware:", "Time:", "Result:"):
        assert any(word in line for line in header), word


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("learning_rate", "learning_rat", ":9: stages.sft.learning_rat: unknown key 'learning_rat'; did you mean"),
        ("name: quick", "nme: quick", "nme: unknown key 'nme'; did you mean 'name'?"),
        ("adapter: {r: 8}", "adapter: {zzz: 8}", "unknown key 'zzz'; allowed: r, alpha, dropout, target_modules"),
        ("adapter: {r: 8}", 'adapter: {r: "8"}', ':10: stages.sft.adapter.r: input should be a valid integer, not "8"'),
        (
            "adapter: {r: 8}",
            "adapter: {r: 0}",
            ":10: stages.sft.adapter.r: input should be greater than or equal to 1, not 0",
        ),
        ("adapter: {r: 8}", "adapter: {dropout: .nan}", "stages.sft.adapter.dropout: input should be a finite number"),
        ("adapter: {r: 8}", "epochs: yes", 'stages.sft.epochs: input should be a valid number, not "yes"'),
        ("kind: evaluate", "kind: evaluat", ":11: stages.measure: unknown kind 'evaluat'; did you mean 'evaluate'?"),
        ("  - kind: sft\n    name", "  - name", ":7: stages.sft: it needs a `kind`"),
        ("    name: sft\n", "", ":7: stages.1.name: this key is missing"),
        ("kind: rust, train: 20", "kind: file", ":3: data.tasks.path: this key is missing"),
        (
            "model: sft",
            "model: sfd",
            "stage 'measure': model is 'sfd', which is no earlier expert_iteration or grpo or merge or preference",
        ),
        (
            "    model: sft\n",
            "    model: sft\n  - {kind: report, name: r, compare: [[base, sft]]}\n",
            "compares 'base', evaluated 0 times before, not once",
        ),
        (
            "    model: sft\n",
            "    model: sft\n  - {kind: evaluate, name: b, model: base}\n"
            "  - {kind: report, name: r, compare: [[base, sft]]}\n",
            "compares 'sft' with the later 'base': name the earlier first",
        ),
        (
            "  - kind: tasks\n    name: tasks\n",
            "  - {kind: corpus, name: c, documents: 1, crates: x, comments: notes}\n",
            "comments is for the built-in functions",
        ),
        ("  - kind: tasks\n    name: tasks\n", "", "stage 'sft' needs a task set: put a tasks stage before it"),
        ("name: measure", "name: sft", ":12: stages.sft.name: two stages are named 'sft'"),
        ("name: quick", "name: quick\nname: other", ":2: key 'name' occurs twice"),
        ("adapter: {r: 8}", "adapter: {r: 8, r: 9}", ":10: key 'r' occurs twice"),
        ("adapter: {r: 8}", "adapter: {r: 8", ": not YAML: "),
        ("adapter: {r: 8}", "adapter: {[1]: 8}", ":10: a key must be a word"),
        ("adapter: {r: 8}", "lora: &a {r: *a}", ":10: an alias that contains itself"),
    ],
)
def test_a_mistake_is_named_with_its_place(recipe: Path, old: str, new: str, expected: str) -> None:
    cause = cause_of(changed(recipe, old, new))
    assert cause.startswith(str(recipe))
    assert expected in cause


def test_all_mistakes_are_listed_in_the_order_of_the_file(recipe: Path) -> None:
    changed(recipe, "name: quick", "name: quick\nsed: 1")
    changed(recipe, "adapter: {r: 8}", "adapter: {rr: 8}")
    with pytest.raises(ConfigError) as caught:
        load_config(Recipe, recipe, ["model.bas=x"])
    assert caught.value.cause == f"{recipe}:2: sed: unknown key 'sed'; did you mean 'seed'?"
    assert caught.value.way_out == f"Fix it, and 2 more: {recipe}:11: stages.sft.adapter.rr; --set model.bas"


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    binary, empty, listing = tmp_path / "binary.yaml", tmp_path / "empty.yaml", tmp_path / "list.yaml"
    binary.write_bytes(b"\xff\xfe")
    empty.write_text("")
    listing.write_text("- a\n")
    assert cause_of(tmp_path / "none.yaml") == f"file {tmp_path / 'none.yaml'} does not exist"
    assert cause_of(tmp_path) == f"{tmp_path} is a folder"
    assert cause_of(binary) == f"{binary} is not UTF-8 text"
    assert cause_of(empty) == f"{empty}: name: this key is missing"
    assert cause_of(listing) == f"{listing}:1: the file must be a mapping of keys"


def test_overrides_reach_stages_by_name_lists_and_new_keys(recipe: Path) -> None:
    config = load_config(
        Recipe,
        recipe,
        [
            "stages.sft.learning_rate=2e-4",
            "stages.sft.adapter.alpha=64",
            "stages.2.limit=5",
            "data.sources=[rows.jsonl, {path: more.jsonl, limit: 3}]",
            "model.base=some/folder",
            "data.tasks.train=7",
        ],
    )
    assert (sft_of(config).learning_rate, sft_of(config).adapter) == (2e-4, LoraConfig(r=8, alpha=64))
    assert config.data.sources == (
        JsonlSource(path=Path("rows.jsonl")),
        JsonlSource(path=Path("more.jsonl"), limit=3),
    )
    assert config.data.tasks == RustTasks(train=7)
    assert config.model.base == "some/folder"


@pytest.mark.parametrize(
    ("override", "cause"),
    [
        ("stages.sft.lr=1", "--set stages.sft.lr: unknown key 'lr'; allowed: optimizer, learning_rate"),
        ("stages.sfd.epochs=1", "--set stages.sfd.epochs: stages has no item 'sfd'"),
        ("name.x=1", "--set name.x: name is a single value and has no key 'x'"),
        ("seed", "--set seed: no KEY=VALUE"),
        ("a..b=1", "--set a..b=1: no KEY=VALUE"),
        ("seed=-1", "--set seed: input should be greater than or equal to 0, not -1"),
        ("seed=1.0", "--set seed: input should be a valid integer, not 1.0"),
        ("data.sources=[x", "--set data.sources: the value is not YAML"),
        ("data.tasks={kind: file}", "--set data.tasks: data.tasks.path: this key is missing"),
    ],
)
def test_a_wrong_override_is_named(recipe: Path, override: str, cause: str) -> None:
    found = cause_of(recipe, override)
    assert found.startswith(cause)


def test_a_missing_variant_key_means_the_default() -> None:
    config = load_config(EvaluateConfig, None, ["out=x", "tasks.held_out=7", "answers.sampling.top_p=0.9"])
    assert config.tasks == RustTasks(held_out=7)
    other = load_config(EvaluateConfig, None, ["out=x", "tasks={kind: file, path: t.jsonl}"])
    assert other.tasks == TaskFile(path=Path("t.jsonl"))


@given(st.floats(min_value=0, max_value=1e6, allow_nan=False))
def test_every_way_python_writes_a_float_is_a_number(value: float) -> None:
    stage = f"{{kind: sft, name: s, learning_rate: {value!r}}}"
    loaded = load_config(Recipe, None, ["name=x", f"stages=[{{kind: tasks, name: t}}, {stage}]"])
    assert sft_of(loaded).learning_rate == value


def test_text_that_looks_like_another_type_stays_text() -> None:
    stages = "stages=[{kind: tasks, name: no}]"
    for word in ("no", "2024-01-01", "1_000", "0x10", "1:30", "on"):
        assert load_config(Recipe, None, ["name=x", stages, f"model.base={word}"]).model.base == word
    assert load_config(Recipe, None, ["name=x", stages, "seed=010"]).seed == 10


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("runs/run #2", "runs/run #2"),
        ("#1", "#1"),
        ("a#b", "a#b"),
        ("1", 1),
        ("[a b, 'c #d']", ["a b", "c #d"]),
        ("'quoted # text'", "quoted # text"),
        ("null", None),
    ],
)
def test_a_value_of_the_command_line_holds_all_that_was_typed(text: str, value: object) -> None:
    source = Source({})
    apply_override(source, f"key={text}")
    assert source.value == {"key": value}


def test_another_kind_on_the_command_line_drops_the_fields_of_the_files_kind(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "name: x\ndata:\n  tasks: {kind: rust, train: 20, held_out: 10, cases: 3}\nstages: [{kind: tasks, name: t}]\n"
    )
    changed = ["data.tasks.kind=file", "data.tasks.path=tasks.jsonl"]
    tasks = load_config(Recipe, path, changed).data.tasks
    assert tasks.model_dump(include={"kind", "path"}) == {"kind": "file", "path": Path("tasks.jsonl")}
    lora = "{kind: sft, name: s, adapter: {kind: lora, r: 3, alpha: 5}}"
    path.write_text(path.read_text().replace("name: t}", f"name: t}}, {lora}"))
    adapter = load_config(Recipe, path, [*changed, "stages.s.adapter.kind=dora"]).stages[1].model_dump()["adapter"]
    assert (adapter["kind"], adapter["r"], adapter["alpha"]) == ("dora", 3, 5)  # what both know stays
    with pytest.raises(ConfigError, match="unknown key 'held_out'"):  # what was said beside the kind is not dropped
        load_config(Recipe, path, [*changed, "data.tasks.held_out=5"])
    path.write_text(path.read_text().replace("cases: 3", "casess: 3"))
    with pytest.raises(ConfigError, match="unknown key 'casess'"):
        load_config(Recipe, path, changed)
    path.write_text(path.read_text().replace("casess: 3", "path: other.jsonl"))
    with pytest.raises(ConfigError, match="unknown key 'path'"):  # without another kind nothing is dropped
        load_config(Recipe, path)


def test_a_missing_key_says_how_to_give_it() -> None:
    with pytest.raises(ConfigError, match="out: this key is missing") as refused:
        load_config(EvaluateConfig, None, ["tasks.kind=rust"])
    assert refused.value.way_out == "Add --set out=FOLDER."
