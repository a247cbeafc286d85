from __future__ import annotations

import pytest

from burnish.errors import MissingToolError
from burnish.workflows.run import requirements
from burnish.workflows.run.requirements import require_reporters


def test_installed_reporters_are_accepted() -> None:
    require_reporters(())
    require_reporters(("tensorboard",))


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("wandb", "pip install wandb, or remove it from report_to."),
        ("comet_ml", "pip install comet-ml, or remove it from report_to."),
        ("tensorboard", "pip install 'burnish[train]', or remove it from report_to."),
    ],
)
def test_a_missing_reporter_is_named_with_its_install_command(
    monkeypatch: pytest.MonkeyPatch, name: str, way_out: str
) -> None:
    monkeypatch.setattr(requirements, "missing_packages", list)
    with pytest.raises(MissingToolError, match=f"report_to includes {name}") as caught:
        require_reporters((name,))
    assert caught.value.way_out == way_out
