"""What the verbs that stand alone take: generate, export merge, verify serve."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from burnish.config.base import Config
from burnish.config.compatibility import MergeOnto
from burnish.config.model import ModelConfig
from burnish.config.tasks import RustTasks, TasksConfig
from burnish.config.verbs.evaluate import ModelAnswers, WrittenAnswersConfig
from burnish.config.verify import VerifyConfig


class GenerateConfig(Config):
    """``burnish generate --config FILE --set key=value``."""

    out: Path | None = None
    """JSONL of `Completion` records; a new file, or one that an interrupted call began. None only shows the answers,
    which ``prompts`` allow alone."""
    tasks: TasksConfig = RustTasks()
    """Task set whose held-out tasks are answered, unless ``prompts`` says what to answer."""
    prompts: tuple[str, ...] | Path = ()
    """Instructions to answer instead of tasks, or a YAML or JSON file with a list of them (alone, or under
    ``prompts``)."""
    answers: WrittenAnswersConfig = ModelAnswers()
    """What answers, with its sampling."""
    seed: int = Field(0, ge=0)
    limit: int | None = Field(None, ge=1)
    """Answer the first so many."""


class MergeConfig(Config):
    """``burnish export merge --config FILE --set key=value``."""

    model: ModelConfig = ModelConfig()
    """The base that the adapter was trained on, quantised as it was then."""
    adapter: Path
    """Folder of the adapter."""
    onto: MergeOnto = "stored"
    """``stored``: the base's full-precision weights; ``dequantized``: the 4-bit ones that training saw, expanded."""
    out: Path
    """A new folder for the merged model."""


class ServeVerifierConfig(Config):
    """``burnish verify serve --config FILE --set key=value``."""

    host: str = "127.0.0.1"
    """Address to listen on; any but a loopback one needs a token."""
    port: int = Field(8765, ge=0, le=65535)
    """0 takes a free one."""
    token_file: Path | None = None
    """File with the bearer token that callers must send; else ``BURNISH_VERIFY_TOKEN``, else none on loopback."""
    request_bytes: int = Field(8 << 20, ge=1024)
    """Longest request."""
    rows: int = Field(1000, ge=1)
    """Most rows in one request."""
    verify: VerifyConfig = VerifyConfig()
    """Verifier; faults are verdicts here, so ``infra_budget`` does not stop it."""
