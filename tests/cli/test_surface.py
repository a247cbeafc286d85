"""The option surface is frozen: verbs, options and fields are those of ``surface.txt``."""

from __future__ import annotations

from tests.cli.surface import LISTING, surface


def test_the_surface_is_the_listed_one() -> None:
    assert surface() == LISTING.read_text(), "say what is new in tests/cli/surface.txt: python -m tests.cli.surface"


def test_the_listing_reaches_options_variants_and_nested_fields() -> None:
    lines = surface().splitlines()
    for line in ("burnish doctor", "burnish run  --resume", "recipe: stages[sft].adapter[lora].r", "evaluate: limit"):
        assert line in lines
