"""Configure ``burnish evaluate``: a model's answers, or stored answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from burnish.config.base import Config
from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.tasks import RustTasks, TasksConfig
from burnish.config.verify import VerifyConfig


class ModelAnswers(Config):
    """Answers written by a model in this process."""

    kind: Literal["model"] = "model"
    engine: Literal["transformers", "vllm"] = "transformers"
    """Engine; ``vllm`` is faster with large models on an accelerator, and must be installed."""
    model: ModelConfig = ModelConfig()
    """The model; ``model.base`` may also name a run, a stage of one (``RUN/STAGE``), a checkpoint's folder or a
    GGUF file."""
    adapter: Path | None = None
    """Folder of an adapter of this model, or of a checkpoint of one."""
    adapter_off: bool = False
    """Answer without the adapter: it is loaded and disabled, and the logits are checked to equal the base's."""
    sampling: SamplingConfig = SamplingConfig()


class EndpointAnswers(Config):
    """Answers written by a server with the OpenAI protocol."""

    kind: Literal["endpoint"] = "endpoint"
    url: str = Field(pattern=r"^https?://")
    """Address, including ``/v1``."""
    model: str
    """Name of the model on that server."""
    key_variable: str = "OPENAI_API_KEY"
    """Environment variable with the key, if the server needs one."""
    concurrency: int = Field(8, ge=1)
    """Concurrent requests."""
    retries: int = Field(5, ge=0)
    """Retries after a busy server, a server error, or no answer; waits double, starting at one second."""
    timeout_s: float = Field(300.0, gt=0)
    """Longest wait for one answer."""
    sampling: SamplingConfig = SamplingConfig()
    """The server chooses its own batches."""


class FileAnswers(Config):
    """Answers in a file: JSONL of `Completion` records."""

    kind: Literal["completions"] = "completions"
    path: Path


class FieldAnswers(Config):
    """Answers in the task file itself, such as ``canonical_solution`` or ``buggy_solution``."""

    kind: Literal["field"] = "field"
    name: str = "reference"


WrittenAnswers = ModelAnswers | EndpointAnswers
"""Kinds of answers that a model writes now."""
WrittenAnswersConfig = Annotated[WrittenAnswers, Field(discriminator="kind")]
AnswersConfig = Annotated[WrittenAnswers | FileAnswers | FieldAnswers, Field(discriminator="kind")]


class EvaluateConfig(Config):
    """``burnish evaluate --config FILE --set key=value``."""

    out: Path
    """A new folder for completions, rows with their judgement, verdicts of Rust, and the summary."""
    tasks: TasksConfig = RustTasks()
    answers: AnswersConfig = ModelAnswers()
    verify: VerifyConfig = VerifyConfig()
    seed: int = Field(0, ge=0)
    tolerance: float = Field(1e-4, ge=0)
    """Tolerance for numeric answers; other kinds ignore it."""
    limit: int | None = Field(None, ge=1)
    """Judge only the first N tasks."""
    repair_turns: int = Field(0, ge=0, le=10)
    """Turns in which a model may repair failed Rust, given the compiler's messages or the number of passed tests."""

    @model_validator(mode="after")
    def _somebody_can_repair(self) -> EvaluateConfig:
        if self.repair_turns and not isinstance(self.answers, WrittenAnswers):
            raise ValueError("repair_turns needs a model that answers: answers.kind is model or endpoint")
        return self
