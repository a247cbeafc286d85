"""Which engine answers, and what is said where it cannot."""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.quantization import Nf4Config
from burnish.config.verbs.evaluate import EndpointAnswers, EvaluateConfig, ModelAnswers
from burnish.errors import ConfigError, MissingToolError
from burnish.records import Message, Task
from burnish.workflows.answer.generators import written_by
from burnish.workflows.evaluate.evaluate import answering
from burnish.workflows.run import requirements
from tests.tiny_models import make_tiny_model

TASK = Task(id="t", family="f", prompt=(Message(role="user", content="hello"),))


def test_without_vllm_the_install_line_is_said(tmp_path: Path) -> None:
    answers = ModelAnswers(model=ModelConfig(base=str(make_tiny_model(tmp_path))), engine="vllm")
    with pytest.raises(MissingToolError) as missing:
        written_by(answers, seed=0)
    assert "burnish[vllm]" in missing.value.way_out


def test_vllm_gets_tokens_seeds_and_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM runs on no machine of the tests; a stand-in notes what it is given."""
    given: dict[str, Any] = {}

    class Engine:
        def __init__(self, **options: Any) -> None:
            given["engine"] = options

        def generate(self, prompts: Sequence[Any], options: Sequence[Any], **more: Any) -> list[Any]:
            given["asked"] = list(zip(prompts, options, strict=True))
            said = SimpleNamespace(text="hi", token_ids=[1, 2], finish_reason="stop")
            return [SimpleNamespace(outputs=[said]) for _ in prompts]

    vllm: Any = types.ModuleType("vllm")
    vllm.LLM = Engine
    vllm.SamplingParams = vllm.TokensPrompt = lambda **options: options
    request: Any = types.ModuleType("vllm.lora.request")
    request.LoRARequest = lambda *arguments: arguments
    for name, module in (("vllm", vllm), ("vllm.lora", types.ModuleType("vllm.lora")), ("vllm.lora.request", request)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(requirements, "missing_packages", lambda packages: [])
    base = make_tiny_model(tmp_path)
    answers = ModelAnswers(
        model=ModelConfig(base=str(base)),
        engine="vllm",
        sampling=SamplingConfig(samples=2, temperature=0.7, top_k=5, stop=("END",), max_new_tokens=9),
    )
    batches = list(written_by(answers, seed=0).generate([TASK]))
    assert [len(batch) for batch in batches] == [0, 2]
    assert {batch.text for batch in batches[1]} == {"hi"}
    assert given["engine"]["model"] == str(base)
    prompts, options = zip(*given["asked"], strict=True)
    assert prompts[0] == prompts[1]
    assert options[0]["seed"] != options[1]["seed"]
    assert {key: options[0][key] for key in ("top_k", "stop", "max_tokens", "temperature")} == {
        "top_k": 5,
        "stop": ["END"],
        "max_tokens": 9,
        "temperature": 0.7,
    }
    assert len(options[0]["stop_token_ids"]) == 2
    with pytest.raises(ConfigError, match="nor quantises"):
        written_by(answers.model_copy(update={"model": ModelConfig(base=str(base), quantization=Nf4Config())}), seed=0)


def test_a_missing_adapter_cannot_be_disabled(tmp_path: Path) -> None:
    answers = ModelAnswers(model=ModelConfig(base=str(make_tiny_model(tmp_path))), adapter_off=True)
    with pytest.raises(ConfigError, match="has no adapter"):
        written_by(answers, seed=0)


def test_a_server_is_its_address_and_model() -> None:
    one = EndpointAnswers(url="http://127.0.0.1:1/v1", model="m")
    same = EndpointAnswers(url="http://127.0.0.1:1/v1/", model="m", concurrency=2)
    other = EndpointAnswers(url="http://127.0.0.1:1/v1", model="n")
    (name, *known), (_, *again), (_, *changed) = (
        answering(EvaluateConfig(out=Path("out"), answers=answers), (), None) for answers in (one, same, other)
    )
    assert known == again != changed
    assert name == "m"
