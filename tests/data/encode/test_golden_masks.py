"""What is trained under ten published chat templates, as files that a person can read: trained parts between ⟦ and ⟧.

``python -m tests.data.encode.test_golden_masks`` writes the files anew.
"""

from __future__ import annotations

import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from burnish.data.encode.chat import IGNORED, encode_example
from burnish.model.source import load_tokenizer
from burnish.records import Example, Message
from tests.tiny_models import make_tiny_model

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in (GOLDEN / "templates").glob("*.jinja"))
NO_SYSTEM = {"gemma-it"}
AS_IT_STANDS = {"qwen2.5-instruct"}
"""The others are indented for reading, and used without that, as their README says."""
TALK = (
    ("system", "You write Rust."),
    ("user", "Add two numbers."),
    ("assistant", "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}"),
    ("user", "And for 64 bits?\n"),
    ("assistant", "  Here:\n\npub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("gemma"), "gemma")


def masked(name: str, folder: Path) -> str:
    tokenizer: Any = load_tokenizer(folder)
    source = (GOLDEN / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
    tokenizer.chat_template = source if name in AS_IT_STANDS else source.replace("    ", "").replace("\n", "")
    turns = TALK[1:] if name in NO_SYSTEM else TALK
    example = Example(id=name, messages=tuple(Message.model_validate({"role": r, "content": c}) for r, c in turns))
    row = encode_example(example, tokenizer)
    text = ""
    for trained, pairs in groupby(zip(row.input_ids, row.labels, strict=True), lambda pair: pair[1] != IGNORED):
        part = tokenizer.decode([token for token, _ in pairs])
        text += f"⟦{part}⟧" if trained else part
    return text


def test_there_are_ten_golden_templates() -> None:
    assert len(NAMES) == 10


@pytest.mark.parametrize("name", NAMES)
def test_the_mask_equals_the_golden_one(name: str, folder: Path) -> None:
    assert masked(name, folder) == (GOLDEN / "masks" / f"{name}.txt").read_text(encoding="utf-8")


def write() -> None:
    """Write all golden masks."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = make_tiny_model(Path(temporary), "gemma")
        for name in NAMES:
            (GOLDEN / "masks" / f"{name}.txt").write_text(masked(name, folder), encoding="utf-8")


if __name__ == "__main__":
    write()
