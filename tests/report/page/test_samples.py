"""What the sample browser reads."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from burnish.report.page import samples
from burnish.report.page.samples import StageAnswers, browser_data, embed_json
from tests.report.example_report import answers, completion, rollouts, verdict

texts = st.text() | st.sampled_from(["</script>", "<!--", "<script", "]]>", "&lt;", "\u2028", "\u2029"])


@given(st.recursive(texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_embedded_json_is_inert_and_loses_nothing(value: object) -> None:
    embedded = embed_json(value)
    assert not set(embedded) & set("<>&")
    assert embedded.isascii()
    assert json.loads(embedded) == value


def test_joins_task_completion_and_verdict() -> None:
    data = browser_data([answers("base", ["compile_error", "ok"])])
    first, second = data["samples"]
    assert (first["stage"], first["task"], first["status"], first["reason"]) == (
        "base", "rust-0000", "fail", "compile_error",
    )  # fmt: skip
    assert first["diagnostics"][0]["line"] == 5
    assert first["tests"] == {"run": 0, "passed": 0, "expected": 12}
    assert second["text"].startswith("/// Counts")
    assert data["tasks"]["rust-0001"]["prompt"][1]["role"] == "user"


def test_a_task_that_two_stages_share_is_stored_once() -> None:
    data = browser_data([answers("a", ["ok"]), answers("b", ["ok"])])
    assert list(data["tasks"]) == ["rust-0000"]
    assert len(data["samples"]) == 2


def test_verdicts_without_task_or_completion_still_show() -> None:
    data = browser_data([StageAnswers("base", [], [], [verdict(0, "infra")])])
    assert data["samples"][0]["text"] == ""
    assert data["tasks"] == {}


def test_order_of_completions_does_not_matter() -> None:
    one = answers("base", ["ok", "no_code"])
    turned = StageAnswers("base", one.tasks, [completion(1, "I cannot do that."), one.completions[0]], one.verdicts)
    assert browser_data([one]) == browser_data([turned])


def test_rollouts_are_samples_with_their_step_and_reward() -> None:
    data = browser_data([answers("base", ["ok"])], [rollouts(steps=2)])
    assert data["stages"][1] == {"name": "grpo", "shown": 8, "all": 80}
    base, first, *_, last = data["samples"]
    assert (base["when"], base["reward"]) == ("", None)
    assert (first["when"], first["reward"]["value"]) == ("step 0", 1.0)
    assert first["reward"]["parts"] == {"reward_compile": 0.5, "reward_tests": 0.5}
    assert last["when"] == "step 1"
    assert last["reward"] == {"value": None, "unscored": "infra: the sandbox broke", "parts": {}}
    assert list(data["tasks"]) == ["rust-0000", "rust-0001"]


def test_more_samples_than_shown_are_said() -> None:
    count = samples.SAMPLES_PER_STAGE + 3
    data = browser_data([answers("base", ["no_code"] * count)])
    assert data["stages"] == [{"name": "base", "shown": samples.SAMPLES_PER_STAGE, "all": count}]
    assert len(data["samples"]) == samples.SAMPLES_PER_STAGE
