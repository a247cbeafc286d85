"""What the attack tests share: the tasks that samples are judged by, and a look at what is left behind."""

from __future__ import annotations

import os
from pathlib import Path

from burnish.records import RustTests, Task, Tests, ValueCase, ValueTests

VALUES = ValueTests(
    cases=(
        ValueCase(call="add(2, 3)", type="i64", expected="5"),
        ValueCase(call='rev("abc")', type="String", expected='"cba"'),
        *(ValueCase(call=f"add({a}, {b})", type="i64", expected=str(a + b)) for a, b in ((7, -9), (1 << 40, 17))),
    )
)
RUST = RustTests(
    source="""
#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn small() { assert_eq!(add(2, 3), 5); }
    #[test]
    fn large() { assert_eq!(add(1 << 40, 17), (1 << 40) + 17); }
}
"""
)
DECLARED = "pub fn add(a: i64, b: i64) -> i64 {\n"


def task(name: str, tests: Tests | None, code_prompt: str | None = None) -> Task:
    """A task that judges a sample; instructions play no part here."""
    return Task(id=name, family=name, prompt=(), tests=tests, entry_point="add", code_prompt=code_prompt)


def fenced(code: str) -> str:
    """A completion that holds one program."""
    return f"```rust\n{code}\n```\n"


def survivors() -> list[str]:
    """Sandboxed programs of this process that still run, or that no sandbox holds any more.

    Other verifiers may be at work on this machine: their programs hang below a bwrap or a firejail that hangs below
    them. What docker runs hangs below the daemon, and counts as ours.
    """
    processes: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                before, _, after = (folder / "stat").read_text().rpartition(")")
            except OSError:
                continue
            processes[int(folder.name)] = (int(after.split()[1]), before.partition("(")[2])
    found = []
    for pid, (parent, name) in processes.items():
        if name != "program":
            continue
        ancestors: list[int] = []
        above = parent
        while above in processes:
            ancestors.append(above)
            above = processes[above][0]
        held = any(processes[a][1] in ("bwrap", "firejail") for a in ancestors)
        if os.getpid() in ancestors or not held:
            found.append(f"{pid} {name}")
    return found
