"""Chains as people look them up: as trees, with the workflow run that one may be. Not an action of Glue's."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model import chain_tree
from orchestrator.model.chain_tree import FiringLine, Line
from orchestrator.model.records import Firing, JobRun
from orchestrator.model.workflows import WorkflowRun
from orchestrator.store import chains, job_runs, workflows
from orchestrator.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenChain:
    """A chain as of one moment."""

    chain_key: int
    lines: Sequence[Line]
    runs: Sequence[JobRun]  # its own and those that it has taken over, every attempt
    workflow_run: WorkflowRun | None

    def firing_of(self, trigger_name: str) -> Firing | None:
        """Return the firing of a trigger in the chain; there is one at most."""
        firings = (line.firing for line in self.lines if isinstance(line, FiringLine))
        return next((firing for firing in firings if firing.trigger_name == trigger_name), None)


def see_chain(tx: Transaction, chain_key: int) -> SeenChain:
    """Return a chain, which there is."""
    runs = [job_runs.get_by_seq(tx, seq) for seq in chains.run_seqs(tx, chain_key)]
    pairs = [(run, job_runs.predecessors(tx, run)) for run in runs]
    return SeenChain(
        chain_key=chain_key,
        lines=chain_tree.lines(chain_key, chains.firings(tx, chain_key), pairs),
        runs=runs,
        workflow_run=workflows.find_run_of_chain(tx, chain_key),
    )
