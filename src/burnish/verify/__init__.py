"""Judge untrusted Rust with a real compiler in a real sandbox. No torch; usable alone.

Start with `Verifier`; `burnish.verify.judge.ladder.Ladder.judge` decides a verdict.
"""

from burnish.verify.judge.verifier import Verifier

__all__ = ["Verifier"]
