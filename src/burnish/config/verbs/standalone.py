"""Configure the verbs generate, export merge and verify serve."""

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
    """JSONL of `Completion` records; a new file, or one that an interrupted call started. None only prints the answers,
    which needs ``prompts``."""
    tasks: TasksConfig = RustTasks()
    """Task set whose held-out tasks are answered, unless ``prompts`` is set."""
    prompts: tuple[str, ...] | Path = ()
    """Instructions to answer instead of tasks, or a YAML or JSON file with a list of them (alone, or under
    ``prompts``)."""
    answers: WrittenAnswersConfig = ModelAnswers()
    """Model that answers, with its sampling."""
    seed: int = Field(0, ge=0)
    limit: int | None = Field(None, ge=1)
    """Answer only the first N."""


class MergeConfig(Config):
    """``burnish export merge --config FILE --set key=value``."""

    model: ModelConfig = ModelConfig()
    """Base model of the adapter, with the same quantisation as in training."""
    adapter: Path
    """Folder of the adapter."""
    onto: MergeOnto = "stored"
    """``stored``: the base's full-precision weights; ``dequantized``: the dequantised 4-bit weights used in
    training."""
    out: Path
    """A new folder for the merged model."""


class ServeVerifierConfig(Config):
    """``burnish verify serve --config FILE --set key=value``."""

    host: str = "127.0.0.1"
    """Address to listen on; any address other than loopback needs a token."""
    port: int = Field(8765, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token_file: Path | None = None
    """File with the bearer token that callers must send; default: ``BURNISH_VERIFY_TOKEN``, otherwise no token on
    loopback."""
    request_bytes: int = Field(8 << 20, ge=1024)
    """Largest request body."""
    rows: int = Field(1000, ge=1)
    """Most rows in one request."""
    verify: VerifyConfig = VerifyConfig()
    """Verifier; infrastructure faults are returned as verdicts, so ``infra_budget`` does not stop the server."""
