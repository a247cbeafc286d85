from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from burnish.syntax.fences import Block, fenced_blocks


@given(
    st.lists(
        st.text(alphabet=st.characters(codec="utf-8", exclude_characters="`~\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")),
        max_size=4,
    )
)
def test_fenced_text_comes_back(texts: list[str]) -> None:
    written = "".join(f"words\n```rust\n{text}\n```\n" for text in texts)
    assert fenced_blocks(written) == [Block("rust", text + "\n") for text in texts]
