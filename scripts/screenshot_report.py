"""Takes the README's picture of a report: the first page of ``report.html`` of a run, as PNG.

    python -m scripts.screenshot_report runs/quickstart docs/images/report.png
    python -m scripts.screenshot_report RUN OUT --width 1200 --height 1400 --dark

Needs Chromium (Debian: ``apt-get install chromium``), which opens the file without network and with a profile that is
thrown away. Not covered: scrolling, of which headless Chromium takes an empty picture; a taller window shows more.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DARK = "--blink-settings=preferredColorScheme=0"
TIMEOUT_S = 120


def main(arguments: Sequence[str]) -> int:
    """Write the picture; the exit code says whether."""
    parser = argparse.ArgumentParser(prog="screenshot_report", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="folder of a run, or an HTML file")
    parser.add_argument("out", type=Path, help="PNG file")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=1400)
    parser.add_argument("--dark", action="store_true", help="in the dark theme")
    said = parser.parse_args(arguments)
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    page = said.run / "report.html" if said.run.is_dir() else said.run
    if program is None or not page.is_file():
        sys.stderr.write(f"{'there is no Chromium here' if program is None else f'there is no {page}'}\n")
        return 1
    with tempfile.TemporaryDirectory() as profile:
        command = [program, *QUIET, *([DARK] if said.dark else []), f"--user-data-dir={profile}"]
        command += [f"--window-size={said.width},{said.height}", f"--screenshot={said.out.resolve()}"]
        subprocess.run([*command, page.resolve().as_uri()], check=True, timeout=TIMEOUT_S, stderr=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
