"""Prose that can drift is checked: generated pages, links, commands, and the reader's walk."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import typer.main
from scripts import write_reference

from burnish.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def code(page: Path) -> str:
    """All code of a page: fenced blocks and spans."""
    text = page.read_text()
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))


def test_the_reference_is_what_the_program_says() -> None:
    assert write_reference.stale() == [], "run: make docs"


def test_a_stale_reference_page_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_reference, "FOLDER", tmp_path)
    assert write_reference.main([]) == 0
    assert write_reference.main(["--check"]) == 0
    page = tmp_path / "cli.md"
    page.write_text(page.read_text().replace("## burnish run", "## burnish walk"))
    assert write_reference.main(["--check"]) == 1
    assert "-## burnish walk" in write_reference.stale()[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_in_the_docs_resolve(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = page if not path else (page.parent / path).resolve()
        assert target.exists(), f"{page.name} links to {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_docs_exist(page: Path) -> None:
    root = typer.main.get_command(app)
    verbs = set(getattr(root, "commands"))  # noqa: B009
    named = set(re.findall(r"(?<![\w./-])burnish ([a-z][a-z-]+)", code(page)))
    assert named <= verbs, f"{page.name} names {named - verbs}"
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", code(page))) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_prose_exist(page: Path) -> None:
    for path in re.findall(r"`((?:src|tests|docs|recipes|scripts|benchmarks)/[\w./-]+)`", page.read_text()):
        assert (ROOT / path).exists(), f"{page.name} names {path}"


WALKS = re.split(
    r"^### ",
    (ROOT / "CONTRIBUTING.md").read_text().split("## A reader's walk")[1].split("\n## ")[0],
    flags=re.MULTILINE,
)[1:]


def test_there_are_four_walks() -> None:
    assert len(WALKS) == 4


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.splitlines()[0])
def test_a_readers_walk_leads_from_file_to_file(walk: str) -> None:
    steps = re.findall(r"^\d+\. `([^`]+)`", walk, flags=re.MULTILINE)
    assert steps[0] == "README.md"
    assert 2 < len(steps) <= 4
    for step in re.split(r"^\d+\. ", walk, flags=re.MULTILINE)[1:]:
        path, *functions = re.findall(r"`([\w./]+)(?:\(\))?`", step.split(":")[0]) + re.findall(r"`([\w.]+)\(\)`", step)
        source = (ROOT / path).read_text()
        for function in functions:
            assert f"def {function.rpartition('.')[2]}(" in source, f"{function} is not in {path}"
    for path, following in itertools.pairwise(steps):
        assert Path(following).stem in (ROOT / path).read_text(), f"{path} does not lead to {following}"
