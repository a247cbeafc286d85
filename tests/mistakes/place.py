"""The folder in which the mistakes are made: a recipe, rows, tasks and model folders, as a user would have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from burnish.config.load import load_config
from burnish.config.stages.recipe import Recipe
from burnish.records import Message, Task
from burnish.records.layout import ATTEMPT, RESOLVED

RECIPE = """\
name: mine
model: {base: nano, device: cpu}
report_to: []
data:
  tasks: {kind: rust, train: 20, held_out: 5}
stages:
  - {kind: tasks, name: tasks}
  - kind: sft
    name: sft
    adapter: {kind: lora, r: 8}
    max_steps: 4
  - {kind: evaluate, name: after, model: sft}
"""
WRONG_ORDER = RECIPE.replace("  - {kind: tasks, name: tasks}\n", "") + "  - {kind: tasks, name: tasks}\n"
TWICE = RECIPE + "  - {kind: tasks, name: sft}\n"
EXPERT = RECIPE + "  - {kind: expert_iteration, name: expert, start_from: sft}\n"
LATE = EXPERT.replace("    adapter: {kind: lora, r: 8}\n", "    start_from: expert\n").replace(
    "start_from: sft", "start_from: base"
)
SWEEP = """\
out: sweep
recipe: r.yaml
search: {kind: grid, space: {stages.sft.micro_batch: [2, 3]}}
objective: {stage: after}
"""
GRID = """\
out: grid
recipe: r.yaml
adapters:
  - {name: small, overrides: {stages.sft.micro_batch: 2}}
  - {name: odd, overrides: {stages.sft.micro_batch: 3}}
"""
NO_SYSTEM_TURN = (
    "{% for m in messages %}{% if m['role'] != 'system' %}<{{ m['role'] }}>{{ m['content'] }}</s>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
NO_ANSWER_MARK = "{% for m in messages %}[{{ m['content'] }}]{% endfor %}{% if add_generation_prompt %}[A]:{% endif %}"


def furnish(place: Path) -> None:
    """Write all files."""
    texts = {
        "r.yaml": RECIPE,
        "order.yaml": WRONG_ORDER,
        "twice.yaml": TWICE,
        "expert.yaml": EXPERT,
        "late.yaml": LATE,
        "sweep.yaml": SWEEP,
        "grid.yaml": GRID,
        "torn.yaml": "name: x\nstages: [\n",
        "01_Train.py": 'DATASET_CHOICE = None\nPEFT_CONFIG = "LoRa"\nMODEL_NAME = "models/qwen"\n',
        "rows.jsonl": _lines({"prompt": "Q", "completion": "A"}, {"prompt": "Q"}),
        "good.jsonl": _lines({"prompt": "Q", "completion": "A"}),
        "system.jsonl": _lines({"messages": [_turn("system"), _turn("user"), _turn("assistant")]}),
        "answers.jsonl": _lines({"task_id": "nobody", "text": "fn f() {}"}),
    }
    for name, text in texts.items():
        (place / name).write_text(text, encoding="utf-8")
    untested = [
        Task(id=f"t{number}", family="f", prompt=(Message(role="user", content="Write f."),)) for number in range(3)
    ]
    (place / "untested.jsonl").write_text("".join(f"{task.to_json()}\n" for task in untested), encoding="utf-8")
    _model(place / "dropping", NO_SYSTEM_TURN)
    _model(place / "unmarked", NO_ANSWER_MARK)
    _model(place / "gptq", NO_SYSTEM_TURN, quantization_config={"quant_method": "gptq"})
    (place / "noweights").mkdir()
    (place / "noweights" / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    (place / "empty").mkdir()
    (place / "taken").mkdir()
    (place / "taken" / "notes.txt").touch()
    _run_of_seed_seven(place, "made", "adapter/adapter_model.safetensors")
    _run_of_seed_seven(place, "failed", ATTEMPT)


def _run_of_seed_seven(place: Path, name: str, file: str) -> None:
    """A run that was begun with another seed; its stage sft holds one file."""
    recipe = load_config(Recipe, place / "r.yaml", [f"name={name}", "seed=7"]).model_dump(mode="json")
    stage = (place / "runs" / name / "sft" / file).parent
    stage.mkdir(parents=True)
    (place / "runs" / name / "sft" / file).touch()
    resolved = {"run_id": "1", "burnish": "0", "digests": {}, "recipe": recipe}
    (place / "runs" / name / RESOLVED).write_text(json.dumps(resolved), encoding="utf-8")


def _model(folder: Path, template: str, **config: Any) -> None:
    """A model folder that is whole to the eye: nothing loads it."""
    folder.mkdir()
    files = {"config.json": {"model_type": "llama", **config}, "tokenizer.json": {}, "tokenizer_config.json": {}}
    files["tokenizer_config.json"] = {"chat_template": template, "eos_token": "</s>"}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    (folder / "model.safetensors").touch()


def _lines(*rows: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def _turn(role: str) -> dict[str, str]:
    return {"role": role, "content": "Text."}
