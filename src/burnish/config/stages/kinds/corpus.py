"""Write a pretraining corpus."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from burnish.config.data.training_data import DataConfig
from burnish.config.stages.stage import NamedFiles, Needs, Product, Stage


class CorpusStage(Stage):
    """Write a pretraining corpus: documented Rust functions, or the sources of crates."""

    kind: Literal["corpus"] = "corpus"
    makes: ClassVar[tuple[Product, ...]] = ("corpus",)
    workflow: ClassVar[str] = "burnish.workflows.build.stages:build_corpus"
    documents: int = Field(ge=1)
    """Documents to write; of crates at most as many as they have, chosen by seed."""
    crates: Path | None = None
    """Folder of crates whose ``.rs`` files are the documents, in place of the built-in functions."""
    chat_share: float = Field(0.0, ge=0, le=1)
    """Share of documents that are an instruction with its answer in the chat template."""
    comments: Literal["documentation", "notes"] = "documentation"
    """Text above a built-in function: its documentation, or either that or an instruction comment, in many forms."""

    @model_validator(mode="after")
    def _notes_above_functions(self) -> CorpusStage:
        if self.crates is not None and self.comments != "documentation":
            raise ValueError("comments is for the built-in functions: sources of crates have their own; leave it out")
        return self

    def needs(self, data: DataConfig) -> Needs:
        return Needs(files={} if self.crates is None else {"crates": NamedFiles(self.crates, "folder")})
