"""Build token bins for pretraining from a folder of crates, and a tokenizer when none is given.

Left out on purpose: filters (``burnish data prepare`` has them), and a validation split.
"""

from __future__ import annotations

from typing import Any

from burnish.config.verbs.build import BuildTokensConfig
from burnish.data.pretraining.token_bins import CrateDocuments, write_token_bins
from burnish.errors import DataError
from burnish.fsio import digest_folder
from burnish.records.layout import TOKENIZER
from burnish.workflows.build.datasets import built
from burnish.workflows.run.requirements import require


def build_tokens(config: BuildTokensConfig) -> dict[str, Any]:
    """Write the bins; return the content of ``meta.json``. Raises DataError for a folder without sources."""
    require("train")
    from burnish.model.source import load_tokenizer
    from burnish.model.tokenizer import train_tokenizer

    documents = CrateDocuments(config.source)
    with built("tokens", config) as (folder, meta):
        tokenizer: Any
        if config.tokenizer is None:
            texts = (document.text for document in documents)
            tokenizer = train_tokenizer(
                texts, vocabulary=config.vocabulary, longest=config.context, out=folder / TOKENIZER
            )
        else:
            tokenizer = load_tokenizer(config.tokenizer)
            tokenizer.save_pretrained(folder / TOKENIZER)
        written = write_token_bins(
            folder,
            documents,
            lambda texts: tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"],
            vocabulary=len(tokenizer),
            end_of_text=_end_of_text(tokenizer, config),
        )
        meta |= {
            "tokenizer_digest": digest_folder(folder / TOKENIZER),
            **written,
            "left_out": dict(documents.left_out.most_common()),
        }
    return meta


def _end_of_text(tokenizer: Any, config: BuildTokensConfig) -> int:
    """Find the token after a document: end of text, otherwise end of sequence."""
    from burnish.model.tokenizer import END_OF_TEXT

    if END_OF_TEXT in tokenizer.get_vocab():
        return int(tokenizer.convert_tokens_to_ids(END_OF_TEXT))
    if tokenizer.eos_token_id is None:
        raise DataError(f"the tokenizer {config.tokenizer} has no end-of-sequence token.", "Use another tokenizer.")
    return int(tokenizer.eos_token_id)
