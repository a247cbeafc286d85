"""``burnish config import`` as a user starts it: what each key became on stdout, mistakes on stderr."""

from __future__ import annotations

from pathlib import Path

from tests.cli.test_verbs import assert_mistake, burnish
from tests.workflows.manage.other_systems import LLM_TRAINING, SIGIL_PHASE_2


def test_import_lists_what_each_key_became_and_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "phase2.yml").write_text(SIGIL_PHASE_2)
    done = burnish("config", "import", "phase2.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    became, rest = done.stdout.split("Needs no key")
    needless, refused = rest.split("Left out: had no effect there")
    lines = {line.split(":")[0].strip(): line for line in became.splitlines()}
    assert "stages.sft.learning_rate = 5e-05" in lines["train.lr"]
    assert lines["dataset.interleave_mode"].endswith("(not set; its default)")
    assert "train.optimizer" in needless
    assert "train.use_flash_attention: true" in refused
    assert "burnish train llama8b-rust-qlora-phase2.yaml" in refused
    assert (tmp_path / "llama8b-rust-qlora-phase2.yaml").is_file()


def test_an_unknown_key_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "01_Train.py").write_text(LLM_TRAINING.replace("packing =", "packign ="))
    done = burnish("config", "import", "01_Train.py", "--out", "mine.yaml", cwd=tmp_path)
    assert_mistake(done, r"01_Train\.py:\d+: LLM-Training has no key 'packign'; did you mean 'packing'")
    assert not (tmp_path / "mine.yaml").exists()
