"""Store documents for pretraining as one array of token ids, with their offsets and owners.

    tokens.bin       token ids, little-endian, uint16 while the vocabulary allows it, else uint32
    offsets.bin      uint64, one per document and one more: document i is tokens[offsets[i]:offsets[i + 1]]
    documents.jsonl  path, licence, bytes and tokens of each document, in the same order
    meta.json        dtype, counts, tokenizer digest, end-of-text token, licences, what was left out

Every document ends in the end-of-text token, so none runs into the next; boundaries are kept all the same, for packing.
Documents that are byte for byte the same as an earlier one are left out and counted.

Not covered: near-duplicates and licences that must not be used (filters), shuffling.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from burnish.data.sources.crates import crate_files
from burnish.data.sources.raw import BadRow, fields_of
from burnish.errors import DataError
from burnish.fsio import digest_bytes, digest_folder, write_json
from burnish.records.layout import DOCUMENTS, META, OFFSETS, TOKENS

NO_LICENCE = "(none declared)"
_BATCH = 64

Encode = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""Token ids of each text, without special tokens."""


@dataclass(frozen=True)
class Document:
    """One source file."""

    path: str
    licence: str
    text: str


class CrateDocuments:
    """Sources of a folder of crates; may be iterated again. ``left_out`` counts by reason, of the last iteration."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.left_out: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Document]:
        self.left_out = Counter()
        seen: set[str] = set()
        for raw in crate_files(self._root):
            try:
                text = str(fields_of(raw)["text"])
            except BadRow:
                self.left_out["cannot be read as UTF-8"] += 1
                continue
            if not text.strip():
                self.left_out["empty"] += 1
            elif (digest := digest_bytes(text.encode())) in seen:
                self.left_out["same as another"] += 1
            else:
                seen.add(digest)
                yield Document(raw.defaults["path"], raw.defaults["licence"] or NO_LICENCE, text)


def write_token_bins(
    folder: Path, documents: Iterable[Document], encode: Encode, *, vocabulary: int, end_of_text: int
) -> dict[str, Any]:
    """Write all files but ``meta.json``; return its entries about the tokens.

    Raises DataError when there is no document.
    """
    dtype = np.dtype("<u2" if vocabulary <= 1 << 16 else "<u4")
    offsets = [0]
    licences: dict[str, Counter[str]] = {}
    with (folder / TOKENS).open("wb") as tokens, (folder / DOCUMENTS).open("w", encoding="utf-8") as listed:
        waiting = iter(documents)
        while batch := list(islice(waiting, _BATCH)):
            for document, ids in zip(batch, encode([document.text for document in batch]), strict=True):
                tokens.write(np.asarray([*ids, end_of_text], dtype=dtype).tobytes())
                offsets.append(offsets[-1] + len(ids) + 1)
                counts = {"bytes": len(document.text.encode()), "tokens": len(ids) + 1}
                row = {"path": document.path, "licence": document.licence, **counts}
                listed.write(json.dumps(row, ensure_ascii=False) + "\n")
                licences.setdefault(document.licence, Counter()).update({"documents": 1, **counts})
    if len(offsets) == 1:
        raise DataError("no documents to tokenize.", "Give a folder with .rs files below it.")
    np.asarray(offsets, dtype="<u8").tofile(folder / OFFSETS)
    return {
        "dtype": dtype.name,
        "vocabulary": vocabulary,
        "end_of_text": end_of_text,
        "documents": len(offsets) - 1,
        "tokens": offsets[-1],
        "bytes": sum(counts["bytes"] for counts in licences.values()),
        "licences": {name: dict(counts) for name, counts in sorted(licences.items())},
    }


class TokenBins:
    """Documents of a folder of token bins, by index, read from disk on access."""

    def __init__(self, folder: Path) -> None:
        try:
            meta = json.loads((folder / META).read_text(encoding="utf-8"))
            self._offsets = np.fromfile(folder / OFFSETS, dtype="<u8")
            self._tokens = np.memmap(folder / TOKENS, dtype=np.dtype(meta["dtype"]).newbyteorder("<"), mode="r")
        except OSError as error:
            raise DataError(
                f"cannot read the token bins {folder}: {error.strerror}.", "Write them: burnish data build tokens."
            ) from error
        if len(self._offsets) != meta["documents"] + 1 or len(self._tokens) != meta["tokens"]:
            raise DataError(f"the token bins {folder} are incomplete.", "Write them again: burnish data build tokens.")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def lengths(self) -> list[int]:
        """Return the tokens of each document."""
        lengths: list[int] = np.diff(self._offsets).tolist()
        return lengths

    def part(self, index: int, begin: int, end: int) -> list[int]:
        """Return token ids ``begin`` to ``end`` of a document."""
        first = int(self._offsets[index])
        ids: list[int] = self._tokens[first + begin : first + end].tolist()
        return ids

    def __getitem__(self, index: int) -> list[int]:
        """Return the token ids of a document, with the end-of-text token."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        ids: list[int] = self._tokens[int(self._offsets[index]) : int(self._offsets[index + 1])].tolist()
        return ids


def write_meta(folder: Path, meta: dict[str, Any]) -> None:
    """Write ``meta.json``."""
    write_json(folder / META, meta)


def digest_bins(folder: Path) -> str:
    """Compute the digest of all files of a folder of token bins; raise DataError when they are missing."""
    TokenBins(folder)
    return digest_folder(folder)
