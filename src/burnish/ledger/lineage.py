"""Find the run and stage that produced each input, across a ledger, by digest.

Digests tell a retrained model from the old one. An output may be read under several digests: that of the file or
folder, that of all outputs of a stage (within one run), that of a list of files, or a recorded alias. Equal bytes of
several runs count as the reading run's own first, then as the first producer's. Not covered: data that no run produced;
it ends the lineage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from burnish.fsio import digest_json
from burnish.ledger.store import Ledger, RunRow, StageRow

REPORT = "report"
"""Kind of the stage that reads the records of the other stages of its run, not artefacts."""


@dataclass(frozen=True)
class Source:
    """A stage of a run that produced something."""

    run_id: str
    run: str
    """Name of the run."""
    stage: str
    artefact: str
    """Empty for the stage's record."""


@dataclass(frozen=True)
class Read:
    """One input of a stage."""

    name: str
    digest: str
    source: Source | None
    """None when no run produced it."""
    others: int
    """Number of further runs that produced the same bytes."""


@dataclass(frozen=True)
class Link:
    """Why one run depends on another."""

    parent: str
    """Id of the run."""
    how: str
    fork: bool = False
    """True for a fork, which holds copies of all its inputs."""


class Lineage:
    """The ledger's runs with their stages, and the origin of each input."""

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
        """Return all producers of a digest, the first one first."""
        return self._makers.get(digest, ())

    def reads(self, run_id: str, stage: StageRow) -> list[Read]:
        """Return the inputs of a stage with their producers."""
        inputs = []
        names = {made.name for made in self.stages[run_id]}
        for name, digest in stage.parents.items():
            makers = self.makers(digest)
            own_makers = [made for made in makers if made.run_id == run_id and made.stage != stage.name]
            source = next(iter([*own_makers, *(made for made in makers if made.run_id != run_id)]), None)
            if source is None and stage.kind == REPORT and name in names:
                source = Source(
                    run_id, self.runs[run_id].name, name, ""
                )  # the report stage reads the records of all stages
            others = {made.run_id for made in makers} - {run_id, source.run_id if source is not None else ""}
            inputs.append(Read(name, digest, source, len(others)))
        return inputs

    def parents(self, run_id: str) -> list[Link]:
        """Return the runs that a run depends on, each once with the first reason."""
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
        """Return the runs that depend on a run, with the reason."""
        return [(other, link) for other in self.runs for link in self.parents(other) if link.parent == run_id]

    def dependents(self, run_id: str) -> list[tuple[RunRow, str]]:
        """Return runs that read outputs only this run has; not forks, which hold copies."""
        links = []
        for other in self.runs.values():
            if other.run_id == run_id:
                continue
            for stage in self.stages[other.run_id]:
                for read in self.reads(other.run_id, stage):
                    makers = {made.run_id for made in self.makers(read.digest)}
                    if makers == {run_id} and read.source is not None:
                        made = f"{read.source.stage}/{read.source.artefact}"
                        links.append((other, f"{stage.name} reads {made} as its {read.name}"))
        return links

    def related(self, run_id: str) -> set[str]:
        """Return the run with all its ancestors and descendants."""
        return {run_id, *self._closure(run_id, up=True), *self._closure(run_id, up=False)}

    def _closure(self, run_id: str, *, up: bool) -> set[str]:
        seen: set[str] = set()
        left = [run_id]
        while left:
            current = left.pop()
            near = (
                [link.parent for link in self.parents(current)]
                if up
                else [child for child, _ in self.children(current)]
            )
            fresh = {other for other in near if other in self.runs} - seen - {run_id}
            seen |= fresh
            left += fresh
        return seen


def _digests(stage: StageRow) -> Iterator[tuple[str, str]]:
    """Return every digest under which an output may be read, with the artefact's name."""
    for name, digest in stage.artefacts.items():
        yield digest, name
        yield digest_json([digest]), name
        for alias in stage.aliases.get(name, ()):
            yield alias, name
    if stage.artefacts:
        yield digest_json(dict(stage.artefacts)), ", ".join(stage.artefacts)
