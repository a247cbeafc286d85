from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.fsio import without_nulls
from burnish.model.naming import QuantizationTag, parse_model_name
from burnish.records.layout import TRAINING_METADATA
from burnish.train.job import TrainingJob
from burnish.train.sft.run import run_sft
from burnish.train.watch.metadata import TrainingFacts, TrainingMetadata, trained_model_name
from burnish.train.watch.meter import together
from tests.tiny_models import make_tiny_model
from tests.train.small_sft import some_rows


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def train(base: Path, out: Path, *, model: dict[str, Any] | None = None, **stage: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"name": "sft", "max_steps": 3, "effective_batch": 4, "micro_batch": 2, "log_every": 1}
    facts = TrainingFacts(
        base="Tiny_Llama 1.1B", dataset="my-rows", method="SFT", settings={"x": 1}, digests={"data": "d" * 64}
    )
    run_sft(
        TrainingJob(
            base=base,
            model=ModelConfig.model_validate({"device": "cpu", **(model or {})}),
            stage=SftStage.model_validate({**settings, **stage}),
            out=out,
            seed=0,
            log=lambda _step, _values: None,
            callbacks=[TrainingMetadata(out / TRAINING_METADATA, facts, now=lambda: 0.0)],
        ),
        some_rows(),
    )
    return dict(json.loads((out / TRAINING_METADATA).read_text()))


@pytest.mark.parametrize(
    ("adapter", "name"),
    [
        ({"kind": "lora", "r": 4}, "TinyLlama1.1B-myrows_SFT_LoRa4_NoQuant"),
        ({"kind": "rslora", "r": 4}, "TinyLlama1.1B-myrows_SFT_rsLoRa4_NoQuant"),
        ({"kind": "dora", "r": 4}, "TinyLlama1.1B-myrows_SFT_DoRa4_NoQuant"),
        ({"kind": "pissa", "r": 4}, "TinyLlama1.1B-myrows_SFT_PiSSA4_NoQuant"),
        ({"kind": "vera", "r": 8, "target_modules": ["q_proj"]}, "TinyLlama1.1B-myrows_SFT_VeRa8_NoQuant"),
        ({"kind": "full"}, "TinyLlama1.1B-myrows_SFT_NoPeft_NoQuant"),
    ],
)
def test_the_name_says_what_was_trained(base: Path, tmp_path: Path, adapter: dict[str, Any], name: str) -> None:
    metadata = train(base, tmp_path, adapter=adapter)
    assert metadata["model_info"]["model_name"] == name
    assert ("peft_config" in metadata) == (adapter["kind"] != "full")
    assert (metadata["model_info"]["percentage_trainable"] == 100) == (adapter["kind"] == "full")


def test_the_tag_names_a_quantised_base_and_counts_all_its_weights(base: Path, tmp_path: Path) -> None:
    plain = train(base, tmp_path / "plain")
    quantised = train(base, tmp_path / "nf4", model={"quantization": {"kind": "nf4"}})
    assert quantised["model_info"]["quantization_tag"] == "QLORA_w4_headfp32"
    assert quantised["model_info"]["has_quantization"] is True
    assert quantised["quantization"] == {"method": "QLORA", "weights_bits": 4, "lm_head_dtype": "fp32"}
    for field in ("total_params", "trainable_params"):
        assert quantised["model_info"][field] == plain["model_info"][field]


def test_steps_losses_and_tokens_are_those_taken(base: Path, tmp_path: Path) -> None:
    stats = train(base, tmp_path)["training_stats"]
    assert (stats["total_steps"], stats["planned_steps"]) == (3, 3)
    assert stats["epochs_completed"] == pytest.approx(3 / 5)
    assert stats["first_loss"] > 0 < stats["last_loss"]
    attempt = stats["last_attempt"]
    assert attempt["tokens"] > attempt["trained_tokens"] > 0
    assert attempt["model_flops"] > 0
    assert attempt["seconds_by_phase"].keys() >= {"data", "forward_backward", "optimizer"}


def test_the_file_has_the_fields_that_others_read(base: Path, tmp_path: Path) -> None:
    metadata = train(base, tmp_path)
    assert metadata["model_info"]["fine_tuning_date"] == "1970-01-01T00:00:00Z"
    assert metadata["model_info"]["model_type"] == "CausalLM"
    parameters = metadata["training_parameters"]
    assert (parameters["per_device_train_batch_size"], parameters["gradient_accumulation_steps"]) == (2, 2)
    assert (parameters["quantization_method"], parameters["merge_after_train"]) == ("NoQuant", False)
    assert metadata["hardware_info"]["device"] == "cpu"
    assert metadata["hardware_info"]["dtype"] == "float32"
    assert metadata["digests"] == {"data": "d" * 64}


@given(st.text(max_size=12), st.text(max_size=12))
def test_whatever_base_and_data_are_called_there_is_a_name(base: str, dataset: str) -> None:
    facts = TrainingFacts(base=base, dataset=dataset, method="DPO", settings={}, digests={})
    name = trained_model_name(facts, None, QuantizationTag("NoQuant"))
    assert parse_model_name(str(name)) == name


def test_nulls_are_left_out_at_every_depth() -> None:
    assert without_nulls({"a": None, "b": {"c": None, "d": [{"e": None}, 0]}}) == {"b": {"d": [{}, 0]}}


def test_a_training_shorter_than_log_every_leaves_its_loss(base: Path, tmp_path: Path) -> None:
    stats = train(base, tmp_path / "short", log_every=50)["training_stats"]
    every = train(base, tmp_path / "every", log_every=1)["training_stats"]
    assert stats["first_loss"] == stats["last_loss"]
    assert stats["last_loss"] == pytest.approx((every["first_loss"] + every["last_loss"]) / 2, rel=0.2)
    uneven = train(base, tmp_path / "uneven", log_every=2)["training_stats"]
    assert uneven["last_loss"] == pytest.approx(every["last_loss"], abs=1e-5)


def test_peaks_of_several_processes_are_added_up_device_by_device() -> None:
    first = {"peak_memory_bytes": 7, "peak_allocated_bytes_cuda0": 5, "peak_allocated_bytes_cuda1": 0}
    second = {"peak_memory_bytes": 9, "peak_allocated_bytes_cuda0": 0, "peak_allocated_bytes_cuda1": 6}
    both = together([first, second])
    assert both == {"peak_memory_bytes": 9, "peak_allocated_bytes_cuda0": 5, "peak_allocated_bytes_cuda1": 6}
    assert together([first, first])["peak_allocated_bytes_cuda0"] == 10  # two processes on one device
