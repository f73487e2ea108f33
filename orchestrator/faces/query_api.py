"""The two canned neighbours that Airflow and the AWS CLI ask on the way: sts:GetCallerIdentity and iam:GetRole.

They come as forms and are answered in XML. Nothing here knows who calls: the gate has let them in.
"""

from collections.abc import Mapping

from orchestrator.model.errors import RequestError
from orchestrator.wire import query


def answer(fields: Mapping[str, str], request_id: str) -> tuple[int, bytes]:
    """Return the status and body that answer one call."""
    action = fields["Action"]
    try:
        if action == "GetCallerIdentity":
            return 200, query.caller_identity(request_id)
        if action == "GetRole":
            return 200, query.role(fields, request_id)
        error: RequestError = query.InvalidActionError(action)
    except query.QueryParameterError as refused:
        error = refused
    return 400, query.failure(error, request_id)
