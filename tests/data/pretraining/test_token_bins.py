"""Token bins hold every document once, whole, with its end, its place and its licence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from burnish.data.pretraining.token_bins import (
    NO_LICENCE,
    CrateDocuments,
    Document,
    TokenBins,
    write_meta,
    write_token_bins,
)
from burnish.errors import DataError
from burnish.records.layout import DOCUMENTS, OFFSETS, TOKENS


def as_bytes(texts: Sequence[str]) -> list[list[int]]:
    """A tokenizer of a kind: bytes, moved up by one."""
    return [[byte + 1 for byte in text.encode()] for text in texts]


def bins(folder: Path, texts: Sequence[str], *, vocabulary: int = 257) -> TokenBins:
    folder.mkdir()
    documents = [Document(f"{n}.rs", "MIT", text) for n, text in enumerate(texts)]
    write_meta(folder, write_token_bins(folder, documents, as_bytes, vocabulary=vocabulary, end_of_text=0))
    return TokenBins(folder)


@pytest.mark.parametrize(("vocabulary", "width"), [(257, 2), (65_536, 2), (65_537, 4)])
def test_documents_come_back_as_they_were_tokenised(tmp_path: Path, vocabulary: int, width: int) -> None:
    texts = [f"fn f{n}() {{}}" * (n % 5 + 1) for n in range(150)]
    written = bins(tmp_path / "bins", texts, vocabulary=vocabulary)
    assert [written[n] for n in range(len(written))] == [[*ids, 0] for ids in as_bytes(texts)]
    assert (tmp_path / "bins" / TOKENS).stat().st_size == width * (sum(map(len, texts)) + len(texts))
    with pytest.raises(IndexError):
        written[len(texts)]


def test_files_are_little_endian_whatever_the_machine(tmp_path: Path) -> None:
    bins(tmp_path / "bins", ["a", "b"])
    assert (tmp_path / "bins" / TOKENS).read_bytes() == bytes([98, 0, 0, 0, 99, 0, 0, 0])
    assert np.fromfile(tmp_path / "bins" / OFFSETS, dtype="<u8").tolist() == [0, 2, 4]


def test_each_document_has_its_row_and_each_licence_its_sums(tmp_path: Path) -> None:
    documents = [
        Document("a.rs", "MIT", "ab"),
        Document("b.rs", "MIT OR Apache-2.0", "c"),
        Document("c.rs", "MIT", "ü"),
    ]
    meta = write_token_bins(tmp_path, documents, as_bytes, vocabulary=257, end_of_text=0)
    rows = [json.loads(line) for line in (tmp_path / DOCUMENTS).read_text().splitlines()]
    assert rows[0] == {"path": "a.rs", "licence": "MIT", "bytes": 2, "tokens": 3}
    assert meta["licences"] == {
        "MIT": {"documents": 2, "bytes": 4, "tokens": 6},
        "MIT OR Apache-2.0": {"documents": 1, "bytes": 1, "tokens": 2},
    }
    assert (meta["documents"], meta["tokens"], meta["bytes"], meta["dtype"]) == (3, 8, 5, "uint16")


def test_files_that_were_cut_off_are_not_read(tmp_path: Path) -> None:
    bins(tmp_path / "bins", ["fn main() {}"])
    tokens = tmp_path / "bins" / TOKENS
    tokens.write_bytes(tokens.read_bytes()[:-2])
    with pytest.raises(DataError, match="are incomplete"):
        TokenBins(tmp_path / "bins")
    with pytest.raises(DataError, match="cannot read the token bins"):
        TokenBins(tmp_path / "none")


def test_crates_give_their_sources_once_with_their_licence(tmp_path: Path) -> None:
    for crate, licence in (("a-1.0", 'license = "MIT"'), ("b-2.0", "")):
        (tmp_path / crate / "src").mkdir(parents=True)
        (tmp_path / crate / "Cargo.toml").write_text(f'[package]\nname = "x"\n{licence}\n')
        (tmp_path / crate / "src/lib.rs").write_text(f"// {crate}\npub fn f() {{}}\n")
        (tmp_path / crate / "src/same.rs").write_text("pub fn same() {}\n")
    (tmp_path / "a-1.0/src/bad.rs").write_bytes(b"// \xff\n")
    (tmp_path / "a-1.0/src/empty.rs").write_text("\n")
    documents = CrateDocuments(tmp_path)
    found = [(document.path, document.licence) for document in documents]
    assert found == [
        ("a-1.0/src/lib.rs", "MIT"), ("a-1.0/src/same.rs", "MIT"), ("b-2.0/src/lib.rs", NO_LICENCE)
    ]  # fmt: skip
    assert documents.left_out == {"cannot be read as UTF-8": 1, "empty": 1, "same as another": 1}
    assert [document.path for document in documents] == [path for path, _ in found]
    assert documents.left_out.total() == 3, "counts are of the last reading"


def test_a_corpus_without_a_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no document"):
        write_token_bins(tmp_path, CrateDocuments(tmp_path), as_bytes, vocabulary=257, end_of_text=0)
