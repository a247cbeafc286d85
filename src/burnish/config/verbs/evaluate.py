"""What ``burnish evaluate`` judges: a model's answers, or answers that already exist."""

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
    """Answers that a model in this process writes."""

    kind: Literal["model"] = "model"
    engine: Literal["transformers", "vllm"] = "transformers"
    """``vllm`` is quicker with large models on an accelerator, and must be installed."""
    model: ModelConfig = ModelConfig()
    """The model; ``model.base`` may also name a run, a stage of one (``RUN/STAGE``), a checkpoint's folder or a
    GGUF file."""
    adapter: Path | None = None
    """Folder of an adapter of this model, or of a checkpoint of one."""
    adapter_off: bool = False
    """Answer as the model without its adapter: it is loaded, switched off, and the logits are proven to be those of
    the base."""
    sampling: SamplingConfig = SamplingConfig()


class EndpointAnswers(Config):
    """Answers that a server writes which speaks the OpenAI protocol."""

    kind: Literal["endpoint"] = "endpoint"
    url: str = Field(pattern=r"^https?://")
    """Address up to and with ``/v1``."""
    model: str
    """Name of the model on that server."""
    key_variable: str = "OPENAI_API_KEY"
    """Environment variable with the key; a server that wants none needs none."""
    concurrency: int = Field(8, ge=1)
    """Requests under way at once."""
    retries: int = Field(5, ge=0)
    """Further attempts after a busy server, a fault of it, or no answer; waits double from one second on."""
    timeout_s: float = Field(300.0, gt=0)
    """Longest wait for one answer."""
    sampling: SamplingConfig = SamplingConfig()
    """Batches are the server's own matter."""


class FileAnswers(Config):
    """Answers in a file: JSONL of `Completion` records."""

    kind: Literal["completions"] = "completions"
    path: Path


class FieldAnswers(Config):
    """Answers that stand in the task file itself, such as ``canonical_solution`` or ``buggy_solution``."""

    kind: Literal["field"] = "field"
    name: str = "reference"


WrittenAnswers = ModelAnswers | EndpointAnswers
"""Answers that are written now."""
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
    """How far a numeric answer may be from the right number and still be right; other kinds have no use for it."""
    limit: int | None = Field(None, ge=1)
    """Judge the first so many tasks."""
    repair_turns: int = Field(0, ge=0, le=10)
    """How often a model may mend Rust that failed, told what the compiler says or how many tests passed."""

    @model_validator(mode="after")
    def _somebody_can_repair(self) -> EvaluateConfig:
        if self.repair_turns and not isinstance(self.answers, WrittenAnswers):
            raise ValueError("repair_turns needs a model that answers: answers.kind is model or endpoint")
        return self
