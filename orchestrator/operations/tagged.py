"""What the actions on tags have in common: the resource that an ARN names, if it exists."""

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.tags import resource_of
from orchestrator.store import jobs, triggers, workflows
from orchestrator.store.database import Transaction


def existing(tx: Transaction, arn: str) -> str:
    """Return the resource's part of `arn`, by which its tags are kept.

    Raises:
        EntityNotFoundError: the ARN names nothing that exists here.
    """
    resource = resource_of(arn)
    found: object = None
    match resource.kind:
        case "job":
            found = jobs.find(tx, resource.name)
        case "trigger":
            found = triggers.find(tx, resource.name)
        case "workflow":
            found = workflows.find(tx, resource.name)
    if found is None:
        raise EntityNotFoundError.resource(arn)
    return resource.key
