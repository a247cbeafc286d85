"""Put the model of finished runs, each going on from the one before, into the package, with its card and its digests.

python scripts/embed_nano.py runs/nano-base runs/nano-notes
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from burnish.fsio import digest_file, write_atomic, write_json

TARGET = Path(__file__).resolve().parents[1] / "src" / "burnish" / "model" / "nano"
CARD = """---
license: mit
language: [en]
tags: [rust, code, llama, tiny]
---
# burnish nano

A Llama-shaped model of {parameters:,} parameters (hidden {hidden_size}, {layers} layers, {heads} heads, context
{context}, BPE of {vocabulary:,} entries, bfloat16). It exists so that burnish can be tried, tested and measured from
end to end on two CPU cores without a network.

**What it is.** A toy. It writes short Rust functions of the kinds in burnish's own task set (iterator pipelines,
string and word handling, small loops, `Option` and `Result`, a struct or a trait now and then) and nothing else. It
knows a few hundred words of English. It cannot help with real code.

**How it was made.** From scratch, seed {seed}:

{parts}

Such an instruction comes with its answer in the chat template: it has seen the format a little, and gets an instruction
right as often as the table says, which leaves fine-tuning something to teach. All text was composed by burnish (MIT);
nothing was scraped. Combinations of parts that the task set holds out are in no document.

**Measured** by the last run on {n} held-out tasks with unseen combinations, greedy, 95 % intervals:

| compiles | lint-free | hidden tests passed |
| --- | --- | --- |
| {compile_rate} | {lint_free_rate} | {tests_passed} |

`provenance.json` holds the recipes, the versions and the SHA-256 of corpora, tokenizer and weights. Another processor
may give other last bits, and so other weights, from the same recipes.
"""


def _rate(row: dict[str, Any], key: str) -> str:
    low, high = row["metrics"][key]["ci95"]
    return f"{100 * row['metrics'][key]['value']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _recipe(run: Path) -> dict[str, Any]:
    recipe: dict[str, Any] = json.loads((run / "recipe.resolved.json").read_text())
    nested: dict[str, Any] = recipe.get("recipe", recipe)
    return nested


def _part(recipe: dict[str, Any]) -> str:
    stages = {stage["name"]: stage for stage in recipe["stages"]}
    corpus = stages["corpus"]
    above = {"documentation": "its doc comment", "notes": "its doc comment or a note that asks for it"}
    asked = f"{corpus['chat_share']:.2%} of them are instructions"
    steps = f"{stages['nano']['max_steps']:,} steps on {corpus['documents']:,} documents"
    return (
        f"- `recipes/{recipe['name']}.yaml`: {steps},\n"
        f"  each a function below {above[corpus.get('comments', 'documentation')]}; {asked}."
    )


def main(runs: Sequence[Path]) -> None:
    """Copy the model of the last run, write card and provenance."""
    recipes, last = [_recipe(run) for run in runs], runs[-1]
    row = json.loads((last / "summary.json").read_text())["models"][0]["kinds"][0]
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(last / "nano" / "model", TARGET)
    config = json.loads((TARGET / "config.json").read_text())

    from safetensors import safe_open

    with safe_open(TARGET / "model.safetensors", "pt") as weights:
        parameters = sum(weights.get_tensor(name).numel() for name in weights.keys())  # noqa: SIM118 - no mapping
    write_json(
        TARGET / "provenance.json",
        {
            "recipes": recipes,
            "versions": {name: version(name) for name in ("burnish", "torch", "transformers", "tokenizers")},
            "sha256": {
                "corpora": [digest_file(run / "corpus" / "corpus.jsonl") for run in runs],
                "tokenizer": digest_file(TARGET / "tokenizer.json"),
                "weights": digest_file(TARGET / "model.safetensors"),
            },
        },
    )
    card = CARD.format(
        parameters=parameters,
        hidden_size=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        context=config["max_position_embeddings"],
        vocabulary=config["vocab_size"],
        seed=recipes[0]["seed"],
        parts="\n".join(map(_part, recipes)),
        n=row["n"],
        compile_rate=_rate(row, "compile_rate"),
        lint_free_rate=_rate(row, "lint_free_rate"),
        tests_passed=_rate(row, "tests_passed"),
    )
    write_atomic(TARGET / "README.md", card)


if __name__ == "__main__":
    main([Path(run) for run in sys.argv[1:]])
