"""Other systems' configurations become recipes that validate and run; each key says what it became or why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from burnish.config.foreign import llm_training, movielens, sigil
from burnish.config.foreign.keys import KeyFate
from burnish.config.load import load_config
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.errors import ConfigError
from burnish.workflows.manage.import_config import SYSTEMS, Imported, import_config
from tests.tiny_models import make_tiny_model
from tests.workflows.manage.other_systems import LLM_TRAINING, MOVIELENS_8B, SIGIL_PHASE_1, SIGIL_PHASE_2

Import = Callable[..., tuple[Imported, Recipe, SftStage]]
"""Takes a file's text and its name; returns what was imported, the recipe and its training stage."""


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    def run(text: str, name: str = "their.yaml") -> tuple[Imported, Recipe, SftStage]:
        monkeypatch.chdir(tmp_path)
        file = Path(name)
        file.write_text(text)
        found = import_config(file)
        recipe = load_config(Recipe, found.recipe)
        stage = recipe.stages[0]
        assert isinstance(stage, SftStage)
        return found, recipe, stage

    return run


def fates(found: Imported) -> dict[str, KeyFate]:
    return {fate.key: fate for fate in found.fates}


def refused(found: Imported) -> set[str]:
    return {fate.key for fate in found.fates if fate.fate == "refused"}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [(SIGIL_PHASE_1, (4096, 1e-4, 12_000, 250, 1000)), (SIGIL_PHASE_2, (2048, 5e-5, 4000, 100, 500))],
)
def test_both_sigil_phases_are_imported(imported: Import, text: str, numbers: tuple[int, float, int, int, int]) -> None:
    length, rate, steps, warmup, save = numbers
    found, recipe, stage = imported(text)
    assert found.system == "SigilDERG-Finetuner"
    assert recipe.model.base == "meta-llama/Meta-Llama-3.1-8B-Instruct"
    assert recipe.model.quantization is not None
    assert recipe.model.quantization.kind == "nf4"
    assert (stage.max_length, stage.packing) == (length, True)
    assert (stage.micro_batch, stage.effective_batch) == (16, 64)
    assert (stage.learning_rate, stage.max_steps, stage.save_every, stage.log_every) == (rate, steps, save, 12)
    assert stage.warmup_share * steps == pytest.approx(warmup)
    assert (stage.schedule, stage.kernels.gradient_checkpointing) == ("cosine", True)
    assert stage.adapter.kind == "lora"
    assert (stage.adapter.r, stage.adapter.alpha, stage.adapter.dropout) == (16, 16, 0.05)
    assert set(stage.adapter.target_modules) == set(sigil.PROJECTIONS)


def test_the_filters_of_sigil_keep_their_order(imported: Import) -> None:
    _, recipe, _ = imported(SIGIL_PHASE_2)
    kinds = [filter.kind for filter in recipe.data.filters]
    assert kinds == [
        "vendor_path", "test_file", "example_file", "bench_file", "too_short", "too_long", "not_idiomatic",
        "no_documentation",
    ]  # fmt: skip
    assert recipe.data.mixture.shuffle == "full"


def test_keys_that_sigils_schema_dropped_are_refused(imported: Import) -> None:
    found, _, _ = imported(SIGIL_PHASE_1 + "misc.load_from: out/phase1/checkpoint-12000\n")
    assert refused(found) == {
        "train.use_flash_attention",
        "train.dataloader_num_workers",
        "train.dataloader_pin_memory",
        "train.dataloader_prefetch_factor",
        "train.clear_cache_every_n_steps",
        "misc.deterministic",
        "misc.load_from",
    }
    assert "top level" in fates(found)["misc.load_from"].text
    line = SIGIL_PHASE_1.splitlines().index("  use_flash_attention: true") + 1
    assert fates(found)["train.use_flash_attention"].place == f"their.yaml:{line}"
    assert "use_flash_attention" in found.recipe.read_text()


@pytest.mark.parametrize(("said", "start"), [("out/phase1/checkpoint-9", "out/phase1/checkpoint-9"), ("p1", "./p1")])
def test_sigils_second_phase_starts_where_the_first_ended(imported: Import, said: str, start: str) -> None:
    found, recipe, _ = imported(SIGIL_PHASE_1.replace("misc:\n", f"misc:\n  load_from: {said}\n"))
    (stage,) = recipe.stages
    assert isinstance(stage, SftStage)
    assert (stage.start_from, stage.starts_at_a_path) == (start, True)
    assert fates(found)["misc.load_from"].fate == "became"


def test_a_base_that_was_only_saved_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("01_Train.py").write_text(LLM_TRAINING.replace('DATASET_CHOICE = "squad"', "DATASET_CHOICE = None"))
    with pytest.raises(ConfigError, match="DATASET_CHOICE is None: that saved the base as it is") as refused:
        import_config(Path("01_Train.py"))
    assert "burnish evaluate --set answers.model.base=" in refused.value.way_out


def test_sigil_sources_prefixes_and_weights_are_imported(imported: Import) -> None:
    names = "[owner/set, 'local:mine.jsonl', 'parquet:rows.parquet']"
    text = (
        SIGIL_PHASE_1.replace("names: [ammarnasr/the-stack-rust-clean]", f"names: {names}")
        .replace("shuffle_seed: 42", "interleave_mode: weighted\n  dataset_weights: {owner/set: 3}\n  use_cache: false")
        .replace("  use_cache: true\n", "", 1)
    )
    _, recipe, _ = imported(text)
    assert [source.kind for source in recipe.data.sources] == ["hub", "jsonl", "parquet"]
    assert recipe.data.mixture.weights == {"owner/set": 3.0, "mine.jsonl": 1.0, "rows.parquet": 1.0}
    assert (recipe.data.mixture.when_exhausted, recipe.data.mixture.shuffle) == ("stop", "none")


def test_a_movielens_configuration_is_imported(imported: Import) -> None:
    found, recipe, stage = imported(MOVIELENS_8B)
    assert found.system == "Qwen3 MovieLens LoRA"
    assert [str(source.path) for source in recipe.data.sources if source.kind == "jsonl"] == [
        "data/movielens_qwen3/train.jsonl"
    ]
    assert recipe.data.chat.truncate == "left"
    assert (stage.micro_batch, stage.effective_batch, stage.epochs) == (4, 16, 3.0)
    assert stage.adapter.kind == "lora"
    assert (stage.adapter.target_modules, stage.adapter.alpha) == ("qv", 32)
    assert stage.evaluation is not None
    assert (stage.evaluation.every, stage.evaluation.rows, stage.evaluation.best) == (1000, 100, "loss")
    assert stage.evaluation.early_stopping is not None
    assert stage.evaluation.early_stopping.patience == 4
    assert {"early_stopping_patience", "loss_plateau_patience", "use_rslora", "ddp_timeout", "template"} <= refused(
        found
    )


def test_movielens_finds_its_file_in_its_registry(imported: Import, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    registry = tmp_path / "data" / "dataset_info.json"
    registry.write_text(json.dumps({"movielens_qwen3": {"file_name": "movielens_qwen3/train.json"}}))
    _, recipe, _ = imported(MOVIELENS_8B)
    assert [(source.kind, str(source.path)) for source in recipe.data.sources if source.kind == "json"] == [
        ("json", "data/movielens_qwen3/train.json")
    ]
    registry.write_text(json.dumps({"other": {}}))
    with pytest.raises(ConfigError, match="no data set 'movielens_qwen3'; it has other"):
        import_config(Path("their.yaml"), Path("second.yaml"))


def test_an_llm_training_configuration_is_imported(imported: Import) -> None:
    found, recipe, stage = imported(LLM_TRAINING, "01_Train.py")
    assert found.system == "LLM-Training"
    assert recipe.model.quantization is not None
    assert stage.adapter.kind == "lora"
    assert (stage.adapter.r, stage.adapter.alpha, stage.warmup_share, stage.max_steps) == (256, 16, 0.0, None)
    assert [stage.kind for stage in recipe.stages] == ["sft", "merge"]
    assert {"warmup_ratio", "weight_decay", "max_grad_norm", "group_by_length", "PTQ_TARGET_KV_BITS"} <= refused(found)
    assert fates(found)["vera_r"].fate == "needs no key"
    assert "adapter.r = 256" in fates(found)["lora_r"].text


@pytest.mark.parametrize(("peft", "kind"), [("LoRa", "lora"), ("VeRa", "vera"), ("DoRa", "dora"), ("NoPeft", "full")])
def test_llm_training_adapters_are_imported(imported: Import, peft: str, kind: str) -> None:
    text = LLM_TRAINING.replace('PEFT_CONFIG = "LoRa"', f'PEFT_CONFIG = "{peft}"').replace("QLORA", "NoQuant")
    _, _, stage = imported(text, "01_Train.py")
    assert stage.adapter.kind == kind


def test_a_quantisation_that_was_only_a_name_is_refused(imported: Import) -> None:
    found, recipe, _ = imported(LLM_TRAINING.replace('"QLORA"', '"GPTQ"'), "01_Train.py")
    assert recipe.model.quantization is None
    assert "stub" in fates(found)["QUANT_METHOD"].text
    assert "QUANT_METHOD" in refused(found)


def test_impossible_configurations_are_refused_with_the_reason(imported: Import) -> None:
    with pytest.raises(ConfigError, match="quantised weights cannot be trained"):
        imported(LLM_TRAINING.replace('"LoRa"', '"NoPeft"'), "01_Train.py")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", SIGIL_PHASE_1.replace("  lr:", "  learn_rate:"), r"a\.yaml:\d+: .* has no key 'train.learn_rate'"),
        ("a.yaml", SIGIL_PHASE_1.replace("pack: true", "pakc: true"), "did you mean 'pack'"),
        ("a.yaml", SIGIL_PHASE_1.replace("num_steps: 12000", "num_steps: 0"), "train.num_steps is 0: .*greater than 0"),
        ("a.yaml", SIGIL_PHASE_1.replace("model_name: meta-llama/Meta-Llama-3.1-8B-Instruct", ""), "model_name is mi"),
        ("a.yaml", SIGIL_PHASE_1.replace("max_grad_norm: 1.0", "max_grad_norm: 0"), "cannot be made: .*max_grad_norm"),
        ("b.yaml", MOVIELENS_8B.replace("cutoff_len", "cutoff_length"), "did you mean 'cutoff_len'"),
        ("b.yaml", MOVIELENS_8B.replace("adam_beta2: 0.999", "adam_beta2: 0.95"), "adam_beta2 is 0.95"),
        ("b.yaml", MOVIELENS_8B.replace("fp16: false", "fp16: true"), "fp16 is True"),
        ("01_Train.py", LLM_TRAINING.replace("lora_r = 256", "lora_r = len('x')"), "01_Train.py:11: lora_r is"),
        ("01_Train.py", LLM_TRAINING.replace("lora_r = 256", "lora_dropouts = 256"), "did you mean 'lora_dropout"),
        ("01_Train.py", "MODEL_NAME = 'x\n", "01_Train.py:1: not Python"),
        ("c.yaml", "something: else\n", "not a configuration of a known system"),
        ("none.py", "x = 1\n", "not a configuration of a known system"),
    ],
)  # fmt: skip
def test_mistakes_are_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(text)
    with pytest.raises(ConfigError, match=message):
        import_config(Path(name), Path("out.yaml"))
    assert not Path("out.yaml").exists()


def test_nothing_is_overwritten(imported: Import) -> None:
    found, _, _ = imported(MOVIELENS_8B)
    before = found.recipe.read_text()
    with pytest.raises(ConfigError, match="already exists"):
        import_config(Path("their.yaml"))
    assert found.recipe.read_text() == before
    with pytest.raises(ConfigError, match="does not exist"):
        import_config(Path("nothing.py"))


def test_every_key_is_imported_dropped_or_refused() -> None:
    """A key without any, or with two, would be dropped or promised twice."""
    for module in (sigil, movielens, llm_training):
        for name, key in module.KEYS.items():
            assert sum(map(bool, (key.became, key.needless, key.refused))) == 1, (module.NAME, name)


def test_each_system_is_recognised_by_keys_of_its_own() -> None:
    for system in SYSTEMS:
        assert system.signs <= set(system.keys)
        for other in SYSTEMS:
            assert other is system or not system.signs & set(other.keys)


def test_every_imported_key_appears_in_a_recipe(imported: Import, tmp_path: Path) -> None:
    """The table's recipe keys exist: over variants of each file, every such key names a place at least once."""
    variants = {
        "SigilDERG-Finetuner": [
            SIGIL_PHASE_2.replace("misc:\n", "misc:\n  load_from: phase1\n"),
            SIGIL_PHASE_1.replace(
                "shuffle_seed: 42",
                "interleave_mode: weighted\n  dataset_weights: {}\n  task_weights: {gen: 2}\n  cache_dir: cache",
            ),
        ],
        "Qwen3 MovieLens LoRA": [MOVIELENS_8B],
        "LLM-Training": [
            LLM_TRAINING.replace("max_steps = -1", "max_steps = 5").replace("TRUNC_TRAIN = None", "TRUNC_TRAIN = 3"),
            LLM_TRAINING.replace('"LoRa"', '"VeRa"'),
        ],
    }
    for system in SYSTEMS:
        became: set[str] = set()
        for text in variants[system.name]:
            found, _, _ = imported(text, "01_Train.py" if system.name == "LLM-Training" else "their.yaml")
            assert found.system == system.name
            became |= {fate.key for fate in found.fates if fate.fate == "became"}
            found.recipe.unlink()
        assert became == {name for name, key in system.keys.items() if key.became}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", "qwen3")


RUST = """/// Adds {number} to `x`.
pub fn add_{number}(x: i64) -> Result<i64, String> {{
    x.checked_add({number}).ok_or_else(|| String::from("too large: {number}"))
}}
"""


def rows_for(system: str, folder: Path) -> list[dict[str, Any]]:
    """Rows as each system's data has them, in a file of its kind."""
    rows: list[dict[str, Any]]
    if system == "sigil":
        rows = [{"content": RUST.format(number=number), "path": f"src/{number}.rs"} for number in range(3, 11)]
    elif system == "movielens":
        rows = [
            {
                "instruction": "Would the user like it?",
                "input": f"Seen: film {number}. Candidate: film {number + 1}.",
                "output": "Yes" if number % 2 else "No",
                "system": "You recommend films.",
                "history": [],
            }
            for number in range(12)
        ]
    else:
        rows = [
            {"question": f"Who made {number}?", "context": f"Ada made {number}.", "answer": "Ada"}
            for number in range(8)
        ]
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "rows.parquet")
        return [{"path": str(folder / "rows.parquet")}]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [{"path": str(folder / "rows.jsonl")}]


SHIPPED = {
    "phase1.yml": ("sigil", SIGIL_PHASE_1),
    "phase2.yml": ("sigil", SIGIL_PHASE_2),
    "movielens.yaml": ("movielens", MOVIELENS_8B),
    "01_Train.py": ("llm", LLM_TRAINING),
}


@pytest.mark.parametrize("name", list(SHIPPED))
def test_an_imported_recipe_runs_on_a_tiny_model(imported: Import, tiny: Path, tmp_path: Path, name: str) -> None:
    """With base, rows and sizes set to tiny ones; everything else as it was imported, four bits and packing too."""
    from burnish.workflows.recipe import run_recipe

    system, text = SHIPPED[name]
    found, _, _ = imported(text, name)
    overrides = [
        f"model.base={tiny}",
        f"data.sources={yaml.safe_dump(rows_for(system, tmp_path), default_flow_style=True)}",
        "data.gates.same_answer=1.0",
        "stages.sft.max_steps=2",
        "stages.sft.effective_batch=4",
        "stages.sft.micro_batch=2",
        "stages.sft.max_length=256",
        "stages.sft.log_every=1",
        "report_to=[]",
    ]
    if system == "movielens":
        overrides += ["stages.sft.evaluation.every=1", "stages.sft.evaluation.rows=2"]
    folder = run_recipe(load_config(Recipe, found.recipe, overrides))
    assert (folder / "sft" / "adapter" / "adapter_model.safetensors").is_file()
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert max(steps) == 2


def test_keys_that_the_readme_of_movielens_shows_are_taken(imported: Import) -> None:
    shown = {"load_best_model_at_end": "true", "metric_for_best_model": "eval_loss"}
    shown |= {"eval_strategy": "epoch", "flash_attn": "disabled"}
    kept = [line for line in MOVIELENS_8B.splitlines() if not line.startswith(tuple(shown))]
    found, recipe, stage = imported("\n".join([*kept, *(f"{key}: {value}" for key, value in shown.items())]) + "\n")
    assert recipe.model.attention == "eager"
    assert stage.evaluation is not None
    assert stage.evaluation.best == "loss"
    assert not found.merges


def test_a_recipe_with_a_merge_is_run_whole(imported: Import) -> None:
    found, _, _ = imported(LLM_TRAINING.replace("merge_after_train = False", "merge_after_train = True"), "01_Train.py")
    merges = any(one["kind"] == "merge" for one in yaml.safe_load(found.recipe.read_text())["stages"])
    assert found.merges == merges
