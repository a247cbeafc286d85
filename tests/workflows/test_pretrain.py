"""Documents that are longer than a block come in pieces of whole items, and only the last one ends the document."""

from __future__ import annotations

from pathlib import Path

from burnish.model.tokenizer import END_OF_TEXT, train_tokenizer
from burnish.workflows.pretrain import tokenised_documents


def test_long_documents_are_chunked_and_short_ones_are_not(tmp_path: Path) -> None:
    functions = [f"/// Number {n}.\npub fn number_{n}() -> u32 {{\n    {n}\n}}\n\n" for n in range(40)]
    long, short = "".join(functions), functions[0]
    tokenizer = train_tokenizer([long], vocabulary=300, longest=512, out=tmp_path)
    end = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    first, *pieces = tokenised_documents([short, long], tokenizer, 128)
    assert tokenizer.decode(first[:-1]) == short
    assert first[-1] == pieces[-1][-1] == end
    assert all(end not in piece for piece in pieces[:-1])
    assert all(len(piece) <= 128 for piece in pieces)
    texts = [str(tokenizer.decode(piece[:-1] if piece[-1] == end else piece)) for piece in pieces]
    assert "".join(texts) == long
    assert all(text.startswith("/// Number") for text in texts)
