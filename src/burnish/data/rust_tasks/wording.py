"""Write a draft as an instruction to a chat model, or as documentation above the code."""

from __future__ import annotations

import random
from collections.abc import Mapping

from burnish.data.rust_tasks.draft import Draft

INSTRUCTIONS = (
    "Write a Rust {noun} `{signature}` that {purpose}.",
    "Implement `{signature}` in Rust: a {noun} that {purpose}.",
    "In Rust, I need a {noun} that {purpose}. Use `{signature}`.",
    "Write `{signature}`. It {purpose}.",
    "Please give me the Rust {noun} `{signature}`; it {purpose}.",
)


def instruction(draft: Draft, rng: random.Random) -> str:
    """Choose one of several wordings of the task."""
    return rng.choice(INSTRUCTIONS).format(noun=_noun(draft), signature=draft.signature, purpose=draft.purpose)


COMMENTS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "documentation": (
        ("/// {sentence}.", 0.5),
        ("/// `{entry_point}` {purpose}.", 0.25),
        ("/// `{signature}`: {purpose}.", 0.25),
    ),
    "notes": (
        ("/// {sentence}.", 0.4),
        ("/// `{entry_point}` {purpose}.", 0.1),
        ("/// `{signature}`: {purpose}.", 0.15),
        ("// TODO: `{signature}` {purpose}.", 0.1),
        ("// TODO: a {noun} that {purpose}, `{signature}`.", 0.1),
        ("// We need a {noun} that {purpose}. It is `{signature}`.", 0.1),
        ("/* `{signature}`. It {purpose}. */", 0.05),
    ),
}
"""Comments above the code with their shares, by style. Those that name what follows teach to carry names from text into
code; many forms for one meaning teach to follow the meaning."""


def documented(draft: Draft, rng: random.Random, style: str = "documentation") -> str:
    """Return the reference with a comment of a style, as in a source file."""
    form = rng.choices([form for form, _ in COMMENTS[style]], [share for _, share in COMMENTS[style]])[0]
    comment = form.format(
        noun=_noun(draft),
        sentence=draft.purpose[0].upper() + draft.purpose[1:],
        entry_point=draft.entry_point,
        signature=draft.signature,
        purpose=draft.purpose,
    )
    return f"{comment}\n{draft.code}"


def _noun(draft: Draft) -> str:
    return "struct" if "struct" in draft.signature else "function"
