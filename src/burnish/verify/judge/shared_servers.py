"""Build several answers to separate tests as one program: each a module with its server, selected by a number.

Every answer still runs as a process of its own in a sandbox of its own. Answers to different tasks may share a program;
it is built with ``-F unsafe_code``, so that no module can reach another.

Not covered: which answers may share (`shared_crate_rule`), and which results of sharing are trusted (`batch`).
"""

from __future__ import annotations

from collections.abc import Mapping

from burnish.verify.judge.shared_crate_rule import PREFIX
from burnish.verify.sandbox.limits.executable import memory_asked
from burnish.verify.separate.programs import ALONE_BEFORE, SERVED, WIRE

DIGITS = 4
_MOST_STATICS = 4 << 20
"""Most writable bytes of a program: statics of one module would use up the memory limit of the others."""


def which_function(mark: str) -> str:
    """Return source of ``which()``: the number written behind ``mark`` into a copy of the program."""
    return (
        f'static WHICH: [u8; {len(mark) + DIGITS}] = *b"{mark}{"0" * DIGITS}";\n'
        "fn which() -> usize {\n"
        f"    ::std::hint::black_box(&WHICH)[{len(mark)}..].iter().fold(0, |n, d| 10 * n + (d - b'0') as usize)\n}}\n"
    )


def stamp(mark: str, place: int) -> bytes:
    """Return the bytes that select the answer at ``place`` in the program."""
    return f"{mark}{place:0{DIGITS}}".encode()


def can_be_stamped(program: bytes, mark: str) -> bool:
    """Return whether a program holds its mark once, and no large statics."""
    return program.count(stamp(mark, 0)) == 1 and memory_asked(program, writable=True) <= _MOST_STATICS


def stamped(program: bytes, mark: str, place: int) -> bytes:
    """Return a copy of a program that runs as one of its members."""
    return program.replace(stamp(mark, 0), stamp(mark, place))


def shared_server(answers: Mapping[int, tuple[str, str]], mark: str) -> dict[str, str]:
    """Return sources: the root, then a file per answer; ``answers`` are code and server module by number."""
    modules = "".join(f"mod {PREFIX}{number};\n" for number in answers)
    calls = ", ".join(f"{PREFIX}{number}::{SERVED}::call" for number in answers)
    kind = f"fn(u16, &mut ::{WIRE}::Reader, &mut ::{WIRE}::Writer) -> ::{WIRE}::Decoded<()>"
    table = f"static CALLS: [{kind}; {len(answers)}] = [{calls}];\n"
    root = f"{modules}{which_function(mark)}{table}fn main() {{ ::{WIRE}::serve(CALLS[which()]) }}\n"
    blank = " " * len(ALONE_BEFORE)  # columns equal those of the answer's own program
    files = {"together.rs": root}
    return files | {f"{PREFIX}{number}.rs": f"{blank}{code}{module}" for number, (code, module) in answers.items()}
