"""A chain as a tree: its root firing, the runs that made, the triggers that their ends made fire, their runs. Pure.

The tree is told line by line, each with its depth, in the order in which it is read: however long a chain is, nothing
here or in what is made of it is nested. Attempts of one run are one line. What more than one run preceded hangs below
the one that ended last, and names them all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.ids import JobRunId
from orchestrator.model.records import Firing, JobRun, Predecessor


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringLine:
    """A trigger that fired in the chain, and what preceded it: nothing, for a root."""

    depth: int
    firing: Firing
    predecessors: Sequence[tuple[Predecessor, JobRun | None]]  # None: it is not in this chain


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run of the chain, by its attempts, oldest first."""

    depth: int
    attempts: Sequence[JobRun]
    is_inherited: bool  # taken over from the workflow run that this one resumes

    @property
    def newest(self) -> JobRun:
        """Return the attempt that counts."""
        return self.attempts[-1]


Line = FiringLine | RunLine
_Item = Firing | bytes  # a run stands here by the base of its family


def lines(
    chain_key: int, firings: Iterable[Firing], runs: Iterable[tuple[JobRun, Sequence[Predecessor]]]
) -> list[Line]:
    """Return the tree of a chain from its firings, oldest first, and its runs with their predecessors."""
    found = sorted(runs, key=lambda pair: pair[0].seq)
    families: dict[bytes, list[JobRun]] = {}
    for run, _ in found:
        families.setdefault(run.id.base, []).append(run)
    by_id = {run.id: run for run, _ in found}
    below: dict[_Item | None, list[_Item]] = {}
    before: dict[Firing, Sequence[Predecessor]] = {}
    made: set[bytes] = set()
    for firing in firings:
        own = [(run, named) for run, named in found if _is_made_by(run, firing)]
        before[firing] = own[0][1] if own else ()
        below.setdefault(_last_ended(before[firing], by_id), []).append(firing)
        bases = dict.fromkeys(run.id.base for run, _ in own)
        below[firing] = list(bases)
        made.update(bases)
    roots = below.setdefault(None, [])
    roots += [base for base in families if base not in made]
    told: list[Line] = []
    pending: list[tuple[int, _Item]] = [(0, item) for item in reversed(roots)]
    while pending:
        depth, item = pending.pop()
        if isinstance(item, Firing):
            named = [(one, by_id.get(one.run_id)) for one in before[item]]
            told.append(FiringLine(depth=depth, firing=item, predecessors=named))
        else:
            attempts = families[item]
            is_inherited = all(run.chain_key != chain_key for run in attempts)
            told.append(RunLine(depth=depth, attempts=attempts, is_inherited=is_inherited))
        pending += [(depth + 1, child) for child in reversed(below.get(item, []))]
    return told


def _is_made_by(run: JobRun, firing: Firing) -> bool:
    """Say whether a firing made the run. One that a resumed workflow run repeats has the trigger's name as well."""
    is_here = run.chain_key == firing.chain_key and run.trigger_name == firing.trigger_name
    return is_here and run.started_on_ms == firing.at_ms  # one commit made both, with one time


def _last_ended(predecessors: Iterable[Predecessor], by_id: Mapping[JobRunId, JobRun]) -> bytes | None:
    """Return the family of the run whose end made a trigger fire, if it is in the chain."""
    ended = [by_id[one.run_id] for one in predecessors if one.run_id in by_id]
    if not ended:
        return None
    return max(ended, key=lambda run: (run.completed_on_ms or 0, run.seq)).id.base
