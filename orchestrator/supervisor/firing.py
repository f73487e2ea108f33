"""The triggers that nothing precedes: fired by a call or by their schedule, each firing with a chain of its own.

Source: glue-semantics §6.2-6.4.
"""

from orchestrator.model.errors import InvalidInputError
from orchestrator.model.records import Invocation
from orchestrator.model.triggers import Trigger, TriggerState, TriggerType
from orchestrator.store import chains, triggers, workflows
from orchestrator.store.database import Transaction
from orchestrator.supervisor import sequel, workflow_runs
from orchestrator.supervisor.invocations import check_same
from orchestrator.supervisor.means import Means


def start_trigger(tx: Transaction, name: str, *, invocation: Invocation | None, means: Means, at_ms: int) -> None:
    """Fire an ON_DEMAND trigger at once; activate a SCHEDULED or CONDITIONAL one.

    Raises:
        EntityNotFoundError: no such trigger.
        InvalidInputError: an EVENT trigger, or an invocation id that came before with another request.
        ConcurrentRunsExceededError: the trigger begins a workflow whose live runs are at its limit.
    """
    if invocation is not None:
        known = chains.find_firing_request(tx, invocation.id_digest)
        if known is not None:
            check_same(known, invocation)
            return
    trigger = triggers.get(tx, name)
    match trigger.definition.type:
        case TriggerType.EVENT:
            raise InvalidInputError("Trigger Type EVENT cannot be started")
        case TriggerType.ON_DEMAND:
            fire_root(tx, trigger, invocation=invocation, means=means, at_ms=at_ms)
        case TriggerType.SCHEDULED | TriggerType.CONDITIONAL:
            triggers.set_state(tx, trigger, TriggerState.ACTIVATED, at_ms=at_ms)


def stop_trigger(tx: Transaction, name: str, *, at_ms: int) -> None:
    """Deactivate a trigger; one that is deactivated already stays so.

    Raises:
        EntityNotFoundError: no such trigger.
        InvalidInputError: it was never activated.
    """
    trigger = triggers.get(tx, name)
    if trigger.state is TriggerState.CREATED:
        raise InvalidInputError(f"The operation is not allowed when trigger is in state: {trigger.state}")
    triggers.set_state(tx, trigger, TriggerState.DEACTIVATED, at_ms=at_ms)


def fire_root(
    tx: Transaction,
    trigger: Trigger,
    *,
    tick_ms: int | None = None,
    invocation: Invocation | None = None,
    means: Means,
    at_ms: int,
) -> None:
    """Fire a trigger that nothing precedes: a new chain begins, which is a workflow run where it begins a workflow.

    Raises:
        ConcurrentRunsExceededError: the workflow's live runs are at its limit.
    """
    name = trigger.definition.workflow_name
    workflow = None if name is None else workflows.find(tx, name)
    if workflow is None:
        chain_key = chains.create(tx, at_ms=at_ms)
    else:
        chain_key = workflow_runs.begin(tx, workflow, None, previous=None, means=means, at_ms=at_ms).chain_key
    stillborn = sequel.fire(
        tx, trigger, chain_key, (), tick_ms=tick_ms, invocation=invocation, means=means, at_ms=at_ms
    )
    sequel.follow_stillborn(tx, chain_key, stillborn, means=means, at_ms=at_ms)
