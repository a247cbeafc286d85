"""``near_duplicate``: the later of two rows goes, and names the earlier one."""

from __future__ import annotations

from pathlib import Path

from burnish.data.filters.base import RustCode
from burnish.data.filters.rules.overlaps import NearDuplicateFilter
from burnish.data.overlap.near_duplicates import NearDuplicates, Sketcher
from burnish.records import Example, Message

CODE = """
fn mean(values: &[f64]) -> Option<f64> {
    let sum: f64 = values.iter().sum();
    if values.is_empty() { None } else { Some(sum / values.len() as f64) }
}
"""
OTHER = "fn largest(values: &[u8]) -> u8 {\n    values.iter().copied().fold(u8::MIN, u8::max)\n}\n"


def judge(folder: Path, rows: list[Example]) -> dict[str, str]:
    """Details of the rows that are not kept."""
    index = NearDuplicates(folder / "index.sqlite", Sketcher())
    judged = NearDuplicateFilter(index)
    found = {row.id: judged.detail(row, code) for row in rows if not judged.keeps(row, code := RustCode(row))}
    index.close()
    return found


def test_a_renamed_copy_is_left_out_and_other_code_is_kept(tmp_path: Path) -> None:
    copy = "// mine\n" + CODE.replace("values", "v").replace("mean", "average").replace("sum:", "total:").replace(
        "sum /", "total /"
    )
    rows = [Example(id=name, text=text) for name, text in (("a", CODE), ("b", OTHER), ("c", copy))]
    assert judge(tmp_path, rows) == {"c": "1.00 like a"}


def test_all_turns_of_a_conversation_count(tmp_path: Path) -> None:
    def row(name: str, asked: str) -> Example:
        turns = (Message(role="user", content=asked), Message(role="assistant", content=f"```rust\n{OTHER}```"))
        return Example(id=name, messages=turns)

    asked = "Write a function that returns the largest byte of a slice, without a loop, and zero for an empty one."
    another = "My sensor sends readings from 0 to 255; which code finds the peak of them? Keep it short and readable."
    assert judge(tmp_path, [row("a", asked), row("b", another), row("c", asked.upper())]) == {"c": "1.00 like a"}


def test_prose_is_compared_by_its_words(tmp_path: Path) -> None:
    text = "Ownership is a set of rules, and the compiler checks that they hold; otherwise it won't compile at all."
    rows = [Example(id="a", text=text), Example(id="b", text=text.replace(",", " -")), Example(id="c", text=text[40:])]
    assert judge(tmp_path, rows) == {"b": "1.00 like a"}
