"""Name a stage's training data, for names of models and metadata: by the recipe, otherwise by the data it reads.

Not covered: characters of names (`model.naming.clean`).
"""

from __future__ import annotations

from pathlib import Path

from burnish.config.data.training_data import SourceConfig, source_name
from burnish.config.stages.kinds.corpus import CorpusStage
from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import Stage
from burnish.config.tasks import RustTasks, TaskFile

GENERIC = frozenset(
    {"train", "rows", "data", "dataset", "examples", "sft", "tasks", "problems", "pairs", "train-00000-of-00001"}
)
"""File names that do not describe their content."""
BUILT_IN = "rusttasks"
"""The built-in task set."""


def dataset_name(recipe: Recipe, stage: Stage) -> str:
    """Name the data that the stage of the recipe trains on."""
    data = recipe.data
    name = data.name or _of_stage(recipe, stage)
    if name is not None:
        return name
    if stage.needs(data).sources:
        more = f".and{len(data.sources) - 1}more" if len(data.sources) > 1 else ""
        return own_name(data.sources[0]) + more
    if isinstance(data.tasks, RustTasks):
        return BUILT_IN
    train = data.tasks.train if isinstance(data.tasks, TaskFile) else None
    return data.tasks.kind if train is None else _own(train)


def _of_stage(recipe: Recipe, stage: Stage) -> str | None:
    """Return the name of the stage's own data: judged rows or answers, token bins, a corpus; None without any."""
    match stage:
        case PreferenceStage(rows=rows, rollouts=rollouts):
            return _own(rows) if rows is not None else rollouts
        case PretrainStage(tokens=Path() as tokens):
            return _own(tokens)
        case PretrainStage(corpus=str(corpus)):
            made = next(stage for stage in recipe.stages if stage.name == corpus)
            return _own(made.crates) if isinstance(made, CorpusStage) and made.crates is not None else corpus
    return None


def own_name(source: SourceConfig) -> str:
    """Return the name of a source: as given, otherwise its file, otherwise the folder of a file with a generic name."""
    return source_name(source) if source.name is not None else _own(Path(source_name(source)))


def _own(path: Path) -> str:
    generic = path.stem.split(".")[0] in GENERIC and path.parent.name
    return path.parent.name if generic else path.stem
