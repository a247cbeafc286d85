"""Who made what a stage read, across all runs of a ledger: by digest, so that a retrained model is another one.

What one stage made is read elsewhere under several digests: that of the file or folder, that of all outputs of a stage
together (stages of one run), that of a list of files, or an alias that was recorded. Bytes that several runs made alike
count as the run's own first, then as those of the first maker. Not covered: data that no run made; it ends the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from burnish.fsio import digest_json
from burnish.ledger.store import Ledger, RunRow, StageRow

REPORT = "report"
"""Kind of the stage that reads no artefacts but what the other stages of its run recorded."""


@dataclass(frozen=True)
class Source:
    """A stage of a run that made something."""

    run_id: str
    run: str
    """Name of the run."""
    stage: str
    artefact: str
    """Empty where it is the stage's record."""


@dataclass(frozen=True)
class Read:
    """One thing that a stage read."""

    name: str
    digest: str
    source: Source | None
    """None when no run made it."""
    others: int
    """Further runs that made the same bytes."""


@dataclass(frozen=True)
class Link:
    """How one run came from another."""

    parent: str
    """Id of the run."""
    how: str
    fork: bool = False
    """A fork holds copies of all that it needs."""


class Lineage:
    """The ledger's runs with their stages, and where each read thing came from."""

    def __init__(self, ledger: Ledger) -> None:
        self.runs: dict[str, RunRow] = {run.run_id: run for run in sorted(ledger.runs(), key=lambda r: r.created_at)}
        self.stages: dict[str, list[StageRow]] = {run_id: ledger.stages(run_id) for run_id in self.runs}
        self._makers: dict[str, list[Source]] = {}
        self._parents: dict[str, list[Link]] = {}
        for run in self.runs.values():
            for stage in self.stages[run.run_id]:
                for digest, artefact in _digests(stage):
                    source = Source(run.run_id, run.name, stage.name, artefact)
                    self._makers.setdefault(digest, []).append(source)

    def makers(self, digest: str) -> Sequence[Source]:
        """All that made it, the first maker first."""
        return self._makers.get(digest, ())

    def reads(self, run_id: str, stage: StageRow) -> list[Read]:
        """What a stage read, and who made it."""
        found = []
        names = {one.name for one in self.stages[run_id]}
        for name, digest in stage.parents.items():
            makers = self.makers(digest)
            own = [one for one in makers if one.run_id == run_id and one.stage != stage.name]
            source = next(iter([*own, *(one for one in makers if one.run_id != run_id)]), None)
            if source is None and stage.kind == REPORT and name in names:
                source = Source(run_id, self.runs[run_id].name, name, "")  # it reads what all stages recorded
            others = {one.run_id for one in makers} - {run_id, source.run_id if source is not None else ""}
            found.append(Read(name, digest, source, len(others)))
        return found

    def parents(self, run_id: str) -> list[Link]:
        """The other runs that a run came from, each once and with the first reason."""
        if run_id not in self._parents:
            self._parents[run_id] = self._find_parents(run_id)
        return self._parents[run_id]

    def _find_parents(self, run_id: str) -> list[Link]:
        links: dict[str, Link] = {}
        run = self.runs[run_id]
        if run.fork_of is not None:
            links[run.fork_of] = Link(run.fork_of, f"forked from {run.fork_point}", fork=True)
        for stage in self.stages[run_id]:
            for read in self.reads(run_id, stage):
                if read.source is not None and read.source.run_id != run_id:
                    how = f"{stage.name} reads {read.source.stage}/{read.source.artefact} as its {read.name}"
                    links.setdefault(read.source.run_id, Link(read.source.run_id, how))
        return list(links.values())

    def children(self, run_id: str) -> list[tuple[str, Link]]:
        """The runs that came from a run, with the reason."""
        return [(other, link) for other in self.runs for link in self.parents(other) if link.parent == run_id]

    def dependents(self, run_id: str) -> list[tuple[RunRow, str]]:
        """Runs that read what this run alone made, and how; forks do not, since they hold copies."""
        found = []
        for other in self.runs.values():
            if other.run_id == run_id:
                continue
            for stage in self.stages[other.run_id]:
                for read in self.reads(other.run_id, stage):
                    makers = {one.run_id for one in self.makers(read.digest)}
                    if makers == {run_id} and read.source is not None:
                        made = f"{read.source.stage}/{read.source.artefact}"
                        found.append((other, f"{stage.name} reads {made} as its {read.name}"))
        return found

    def related(self, run_id: str) -> set[str]:
        """The run, all that it came from and all that came from it."""
        return {run_id, *self._closure(run_id, up=True), *self._closure(run_id, up=False)}

    def _closure(self, run_id: str, *, up: bool) -> set[str]:
        seen: set[str] = set()
        left = [run_id]
        while left:
            one = left.pop()
            near = [link.parent for link in self.parents(one)] if up else [child for child, _ in self.children(one)]
            fresh = {other for other in near if other in self.runs} - seen - {run_id}
            seen |= fresh
            left += fresh
        return seen


def _digests(stage: StageRow) -> Iterator[tuple[str, str]]:
    """Every digest under which something of the stage may be read, with the name of the artefact."""
    for name, digest in stage.artefacts.items():
        yield digest, name
        yield digest_json([digest]), name
        for alias in stage.aliases.get(name, ()):
            yield alias, name
    if stage.artefacts:
        yield digest_json(dict(stage.artefacts)), ", ".join(stage.artefacts)
