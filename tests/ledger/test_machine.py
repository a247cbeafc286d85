"""What a run says of its machine."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from burnish.ledger.machine import machine_facts, read_machine, write_machine


def test_facts_are_written_and_read(tmp_path: Path) -> None:
    assert read_machine(tmp_path) == {}
    write_machine(tmp_path)
    facts = read_machine(tmp_path)
    assert facts == machine_facts()
    assert facts["torch"] == version("torch")
    assert facts["processor"].endswith(" cores")


def test_what_the_system_does_not_say_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:        8388608 kB\nMemFree: 1 kB\n")
    facts = machine_facts(tmp_path)
    assert facts["memory"] == "8.0 GiB"
    assert ", " in facts["processor"]
    assert "memory" not in machine_facts(tmp_path / "nothing")
