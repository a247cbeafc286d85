"""What the system says of this process's memory."""

from __future__ import annotations

from pathlib import Path

from burnish.ledger.memory import peak_bytes, resident_bytes


def test_peak_and_present_are_read_from_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
    assert (peak_bytes(tmp_path), resident_bytes(tmp_path)) == (2 << 20, 1 << 20)
    assert peak_bytes(tmp_path / "nothing") is None
    assert (resident_bytes() or 0) > 0
