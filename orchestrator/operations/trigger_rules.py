"""What holds for every definition of a trigger, whichever way it comes: what it names exists, and how often it fires."""

import structlog

from orchestrator.model import schedule
from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.triggers import TriggerDefinition, TriggerState, TriggerType
from orchestrator.store import jobs, workflows
from orchestrator.store.database import Transaction

log = structlog.stdlib.get_logger()


def check_references(tx: Transaction, definition: TriggerDefinition) -> None:
    """Refuse a definition that names what does not exist.

    Raises:
        EntityNotFoundError: no such workflow, or no such job to start or to watch.
    """
    if definition.workflow_name is not None:
        workflows.get(tx, definition.workflow_name)
    for name in jobs_named(definition):
        if jobs.find(tx, name) is None:
            raise EntityNotFoundError.job(name)


def jobs_named(definition: TriggerDefinition) -> list[str]:
    """Return the jobs that a trigger starts, then those that it watches."""
    started = [action.job_name for action in definition.actions]
    return list(dict.fromkeys([*started, *(condition.job_name for condition in definition.conditions)]))


def first_state(definition: TriggerDefinition, *, starts: bool) -> TriggerState:
    """Return the state in which a trigger begins; `starts` says whether it is to be started on creation."""
    can_start = definition.type in {TriggerType.SCHEDULED, TriggerType.CONDITIONAL}
    return TriggerState.ACTIVATED if starts and can_start else TriggerState.CREATED


def warn_if_frequent(name: str, definition: TriggerDefinition) -> None:
    """Log that a schedule is one that Glue would not take."""
    if definition.schedule and schedule.parse(definition.schedule).is_frequent:
        log.warning(
            "schedule_is_frequent",
            trigger=name,
            schedule=definition.schedule,
            consequence="it is kept here, but Glue takes no schedule that fires more often than every 5 minutes",
        )
