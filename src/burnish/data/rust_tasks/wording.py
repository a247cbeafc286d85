"""How a draft is said: as an instruction to a chat model, or as documentation above the code."""

from __future__ import annotations

import random

from burnish.data.rust_tasks.draft import Draft

INSTRUCTIONS = (
    "Write a Rust {noun} `{signature}` that {purpose}.",
    "Implement `{signature}` in Rust: a {noun} that {purpose}.",
    "In Rust, I need a {noun} that {purpose}. Use `{signature}`.",
    "Write `{signature}`. It {purpose}.",
    "Please give me the Rust {noun} `{signature}`; it {purpose}.",
)


def instruction(draft: Draft, rng: random.Random) -> str:
    """One of several wordings of the task."""
    noun = "struct" if "struct" in draft.signature else "function"
    return rng.choice(INSTRUCTIONS).format(noun=noun, signature=draft.signature, purpose=draft.purpose)


def documented(draft: Draft) -> str:
    """The reference with a doc comment, as it stands in a source file."""
    return f"/// {draft.purpose[0].upper()}{draft.purpose[1:]}.\n{draft.code}"
