from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("limit", "code"), [("-n 64", 4), ("-Sn 64", 0)], ids=["hard", "soft"])
def test_too_few_open_files_are_said_before_anything_is_judged(tmp_path: Path, limit: str, code: int) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"id": str(n), "code": f"fn main() {{ {n}; }}"}) + "\n" for n in range(4)))
    main = f"exec {sys.executable} -c 'from burnish.cli import main; main()'"
    words = f"ulimit {limit}; {main} verify {rows} --out {tmp_path / 'out'}"
    done = subprocess.run(["/bin/sh", "-c", words], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if code:
        cause, way_out = done.stderr.strip().splitlines()[-2:]
        assert cause.startswith("error: only 64 files may be open at once")
        assert "ulimit -n 1024" in way_out
    else:
        assert json.loads((tmp_path / "out/summary.json").read_text())["reasons"] == {"ok": 4}
