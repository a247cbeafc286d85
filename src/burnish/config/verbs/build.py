"""Configure ``burnish data build``, one configuration per builder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from burnish.config.base import Config
from burnish.config.tasks import RustTasks, TasksConfig
from burnish.config.verify import VerifyConfig


class BuildTasksConfig(Config):
    """``burnish data build rust-tasks --config FILE --set key=value``."""

    out: Path = Path("rust-tasks")
    """A new folder for ``train.jsonl``, ``held_out.jsonl`` and ``meta.json``."""
    tasks: RustTasks = RustTasks()
    seed: int = Field(0, ge=0)
    prove: bool = True
    """Compile, lint and test every reference first, about 20 per second on two cores; one that fails or has lints stops
    the build."""
    verify: VerifyConfig = VerifyConfig()
    """Verifier for ``prove``."""


class BuildQuestionsConfig(Config):
    """``burnish data build arc --config FILE --set key=value``, and likewise for every data set of questions."""

    out: Path
    """A new folder for ``train.jsonl`` (rows to train on), ``held_out.jsonl`` (tasks) and ``meta.json``."""
    train: Path | None = None
    """JSONL, JSON or Parquet with the data set's published fields; a file or a glob."""
    test: Path | None = None
    """The published split to evaluate on, in the same formats; its questions never become training rows."""
    test_share: float = Field(0.0, ge=0, le=1)
    """Share of ``train`` to evaluate on when ``test`` is not set; chosen by question, so its wordings stay together."""
    limit: int | None = Field(None, ge=1)
    """Most usable rows to read from ``train``."""
    bad_rows: int = Field(0, ge=0)
    """Unusable rows that may be left out, recorded with file and line, before the build stops."""
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _has_files(self) -> BuildQuestionsConfig:
        if self.train is None and self.test is None:
            raise ValueError("set the files to read: train, test or both")
        if self.test_share and (self.test is not None or self.train is None):
            raise ValueError("test_share needs train without test: test already holds the evaluation questions")
        return self


class MovieLensConfig(Config):
    """``burnish data build movielens --config FILE --set key=value``."""

    source: Path
    """Folder with ``ratings.csv`` and ``movies.csv`` as GroupLens publishes them."""
    out: Path
    """A new folder for ``train.jsonl`` and ``eval.jsonl`` (rows), ``test.jsonl`` (tasks) and ``meta.json``."""
    history: int = Field(15, ge=1)
    """Ratings shown before a candidate; users with no more ratings than that are left out."""
    rating_threshold: float = 4.0
    """Lowest rating that counts as Yes."""
    eval_share: float = Field(0.05, gt=0, lt=1)
    """Share of each user's candidates for evaluation during training: those before the test ones, at least one."""
    test_share: float = Field(0.1, gt=0, lt=1)
    """Share of each user's candidates for testing: the latest ones, at least one."""
    max_per_user: int | None = Field(None, ge=1)
    """Most training rows of one user, the latest."""
    max_eval: int | None = Field(None, ge=1)
    """Most evaluation rows, chosen by seed."""
    system_prompt: str = ""
    """Replaces the built-in one."""
    instruction: str = ""
    """Replaces the built-in one."""
    seed: int = Field(13, ge=0)
    """Seed of the order of rows."""


class BuildTokensConfig(Config):
    """``burnish data build tokens --config FILE --set key=value``."""

    source: Path
    """Folder of crates: every ``.rs`` file is a document."""
    out: Path
    """A new folder for ``tokens.bin``, ``documents.jsonl``, ``offsets.bin``, ``tokenizer`` and ``meta.json``."""
    tokenizer: Path | None = None
    """Folder of a tokenizer; None trains a byte-level BPE tokenizer on the documents."""
    vocabulary: int = Field(16_384, ge=300)
    """Vocabulary size of the trained tokenizer."""
    context: int = Field(2048, ge=16)
    """Context length that the trained tokenizer declares, in tokens."""


class BuildRepairsConfig(Config):
    """``burnish data build repairs --config FILE --set key=value``."""

    source: Path
    """Run, stage of a run, evaluation, or JSONL file of completions or rollouts, with verdicts."""
    out: Path
    """A new folder for ``train.jsonl`` and ``meta.json``."""
    tasks: TasksConfig | None = None
    """Task set of the answers; None finds it in the run that contains ``source``."""
    seed: int = Field(0, ge=0)
    """Seed of that task set."""
    held_out: tuple[Path, ...] = ()
    """Files of tasks to exclude from training, in addition to the run's held-out tasks."""
    per_task: int = Field(4, ge=1)
    """Most rows of one task."""


class BuildPreferencesConfig(BuildRepairsConfig):
    """``burnish data build preferences --config FILE --set key=value``."""

    method: Literal["dpo", "kto"] = "dpo"
    """Pairs for DPO, or single labelled answers for KTO, where ``per_task`` counts good and bad ones separately."""
