"""Link programs with the toolchain's own lld, called directly, if a trial shows that it works.

rustc calls ``cc`` to link, which starts three more programs: 8 to 9 of the 18 CPU ms of a small link. The options that
``cc`` adds (start files, search folders, the loader) are queried once per process, and a program of ours is linked and
run with them. If that fails, ``cc`` links, with a warning. The choice is part of the toolchain's digest, so verdicts of
the two ways are kept apart.

Not covered: linking dependency sets (procedural macros and build scripts go through ``cc``).
"""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

_TRIAL = 'fn main() { let words: Vec<String> = vec!["linked".to_string()]; println!("{}", words[0]); }'
_START, _END = ("Scrt1.o", "crti.o", "crtbeginS.o"), ("crtendS.o", "crtn.o")
_TIMEOUT_S = 60


class _Unfit(Exception):
    """Reason why the toolchain's lld cannot be called directly."""


def linker_arguments(sysroot: Path, inside: str, host: str, loader: str) -> tuple[str, ...]:
    """Return options for rustc that link without ``cc``, with paths inside the sandbox; empty if ``cc`` must link.

    ``inside`` is ``sysroot`` as the sandbox sees it, ``loader`` the dynamic loader that programs name.
    """
    below = f"lib/rustlib/{host}/bin/rust-lld"
    try:
        if not (sysroot / below).is_file():
            raise _Unfit(f"{sysroot / below} is not there")
        arguments = _asked_of_cc(loader)
        _try(sysroot, _options(f"{sysroot}/{below}", arguments))
    except (_Unfit, OSError, subprocess.SubprocessError) as error:
        logger.warning("Programs are linked through cc, which costs some 8 CPU ms more each: %s.", error)
        return ()
    return _options(f"{inside}/{below}", arguments)


def _options(linker: str, arguments: Sequence[str]) -> tuple[str, ...]:
    words = [f"linker={linker}", "linker-flavor=ld.lld", *(f"link-arg={argument}" for argument in arguments)]
    return tuple(part for word in words for part in ("-C", word))


def _asked_of_cc(loader: str) -> list[str]:
    """Return start files, search folders and loader, as ``cc`` passes them to its linker."""
    output = subprocess.run(
        ["cc", "-print-search-dirs"], capture_output=True, text=True, check=True, cwd="/", timeout=_TIMEOUT_S
    ).stdout
    listed = next((line.split("=", 1)[1] for line in output.splitlines() if line.startswith("libraries:")), "")
    folders = list(dict.fromkeys(Path(name).resolve() for name in listed.split(":") if Path(name).is_dir()))
    places: dict[str, str] = {}
    for name in (*_START, *_END):
        place = next((str(folder / name) for folder in folders if (folder / name).is_file()), None)
        if place is None:
            raise _Unfit(f"{name} is in none of the folders that cc names")
        places[name] = place
    ordered = [places[name] for name in (*_START, *_END)]
    options = [f"--dynamic-linker={loader}", "--hash-style=gnu", "--threads=1", "-lgcc_s", "-lc"]
    return [*ordered, *(f"-L{folder}" for folder in folders), *options]


def _try(sysroot: Path, options: Sequence[str]) -> None:
    """Link a program of ours and run it; raise _Unfit when it does not work."""
    with tempfile.TemporaryDirectory(prefix="burnish-trial-") as name:
        command = [
            f"{sysroot}/bin/rustc", "-", "--crate-name", "trial", "--sysroot", str(sysroot), "-C", "prefer-dynamic",
            *options, "-o", "trial",
        ]  # fmt: skip
        made = subprocess.run(
            command, input=_TRIAL, capture_output=True, text=True, cwd=name, timeout=_TIMEOUT_S, check=False
        )
        if made.returncode != 0:
            raise _Unfit(f"rust-lld does not link here: {made.stderr.strip()[-300:]}")
        libraries = os.pathsep.join([str(p.parent) for p in (sysroot / "lib").glob("rustlib/*/lib/libstd-*.so")])
        ran = subprocess.run(
            [f"{name}/trial"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
            env={"LD_LIBRARY_PATH": libraries},
        )  # fmt: skip
        if (ran.returncode, ran.stdout) != (0, "linked\n"):
            raise _Unfit(f"what rust-lld linked does not run here (status {ran.returncode})")
