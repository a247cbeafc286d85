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


DOCUMENTATION = (
    ("/// {sentence}.", 0.5),
    ("/// `{entry_point}` {purpose}.", 0.25),
    ("/// `{signature}`: {purpose}.", 0.25),
)
"""Comments above the code with their shares; the later ones teach to carry names from text into code."""


def documented(draft: Draft, rng: random.Random) -> str:
    """The reference with a doc comment, as it stands in a source file."""
    form = rng.choices([form for form, _ in DOCUMENTATION], [share for _, share in DOCUMENTATION])[0]
    comment = form.format(
        sentence=draft.purpose[0].upper() + draft.purpose[1:],
        entry_point=draft.entry_point,
        signature=draft.signature,
        purpose=draft.purpose,
    )
    return f"{comment}\n{draft.code}"
