"""The corpus holds no held-out combination, and its rows come back as they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.data.pretraining.corpus import read_corpus, write_corpus
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.errors import DataError


def test_a_corpus_has_the_share_of_conversations_and_follows_its_seed(tmp_path: Path) -> None:
    write_corpus(tmp_path / "a.jsonl", documents=600, chat_share=0.25, seed=4)
    write_corpus(tmp_path / "b.jsonl", documents=600, chat_share=0.25, seed=4)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    rows = list(read_corpus(tmp_path / "a.jsonl"))
    assert len(rows) == 600
    assert 100 < sum(not isinstance(row, str) for row in rows) < 200


def test_comments_become_notes_that_ask_for_their_item(tmp_path: Path) -> None:
    write_corpus(tmp_path / "a.jsonl", documents=600, chat_share=0.0, seed=4)
    write_corpus(tmp_path / "b.jsonl", documents=600, chat_share=0.0, seed=4, comments="notes")
    plain, notes = ([str(row) for row in read_corpus(tmp_path / name)] for name in ("a.jsonl", "b.jsonl"))
    assert [row for row in plain if row.startswith("pub")] == [row for row in notes if row.startswith("pub")]
    assert not [row for row in plain if row.startswith(("// ", "/* "))]
    asking = [row for row in notes if row.startswith(("// TODO: ", "// We need a ", "/* "))]
    assert 120 < len(asking) < 240  # 35 % of the 85 % that have a comment


@pytest.mark.parametrize("comments", ["documentation", "notes"])
def test_no_held_out_reference_is_in_the_corpus(tmp_path: Path, comments: str) -> None:
    write_corpus(tmp_path / "a.jsonl", documents=20000, chat_share=0.0, seed=0, comments=comments)
    text = (tmp_path / "a.jsonl").read_text()
    _, held_out = build_rust_tasks(train=0, held_out=300, cases=1, seed=0)
    bodies = [task.reference.split("{", 1)[1] for task in held_out if task.reference]
    assert len(bodies) == 300
    assert not [body for body in bodies if json.dumps(body)[1:-1] in text]


def test_a_row_of_another_shape_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "fn a() {}"}\n{"code": "x"}\n')
    with pytest.raises(DataError, match=r"a\.jsonl:2"):
        list(read_corpus(path))


def test_crates_give_their_sources_in_an_order_that_the_seed_decides(tmp_path: Path) -> None:
    (tmp_path / "crates/a").mkdir(parents=True)
    texts = {f"pub fn f{number}() {{}}\n" for number in range(20)}
    for number, text in enumerate(sorted(texts)):
        (tmp_path / f"crates/a/{number}.rs").write_text(text)

    def rows(documents: int, seed: int, chat_share: float = 0.0) -> list[object]:
        path = tmp_path / "corpus.jsonl"
        crates = tmp_path / "crates"
        count = write_corpus(path, documents=documents, chat_share=chat_share, seed=seed, crates=crates)
        found: list[object] = list(read_corpus(path))
        assert len(found) == count
        return found

    assert set(rows(100, 0)) == texts
    assert len(rows(7, 0)) == 7
    assert rows(100, 0) != rows(100, 1)
    mixed = rows(20, 0, chat_share=0.5)
    assert 4 < sum(not isinstance(row, str) for row in mixed) < 16
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"no non-empty \.rs file"):
        write_corpus(tmp_path / "x.jsonl", documents=1, chat_share=0, seed=0, crates=tmp_path / "none")
