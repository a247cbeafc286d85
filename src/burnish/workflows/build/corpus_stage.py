"""Write the pretraining corpus of a run."""

from __future__ import annotations

from pathlib import Path

from burnish.config.stages.kinds.corpus import CorpusStage
from burnish.data.pretraining.corpus import write_corpus
from burnish.records.layout import CORPUS
from burnish.workflows.run.context import Outcome, Run


def build_corpus(run: Run, stage: CorpusStage, folder: Path) -> Outcome:
    """Write ``corpus.jsonl``, starting over after an interruption."""
    written = write_corpus(
        folder / CORPUS,
        documents=stage.documents,
        chat_share=stage.chat_share,
        seed=run.recipe.seed,
        crates=stage.crates,
        comments=stage.comments,
    )
    return Outcome((CORPUS,), {"documents": float(written)})
