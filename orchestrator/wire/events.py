"""A run's events in EventBridge's shape, so that what is written for Glue's events reads ours.

Source: https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html; glue-semantics §3.6.
"""

import uuid
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from orchestrator.model.records import Event, EventKind
from orchestrator.wire.logs_arns import ACCOUNT

_NAMESPACE: Final = uuid.UUID("8a1d9f52-6c0e-4f7b-9f5d-6b6f1f3f2a70")
_DETAIL_TYPES: Final = MappingProxyType(
    {EventKind.STATE_CHANGE: "Glue Job State Change", EventKind.RUN_STATUS: "Glue Job Run Status"}
)
_SEVERITIES: Final = MappingProxyType({"FAILED": "ERROR", "TIMEOUT": "WARN"})
_MESSAGES: Final = MappingProxyType({"SUCCEEDED": "Job run succeeded", "STOPPED": "Job run stopped"})
_MS_PER_S: Final = 1000


def event_shape(event: Event, region: str) -> dict[str, Any]:
    """Return the event as EventBridge would deliver it; the same `id` every time, so that a receiver can drop doubles."""
    return {
        "version": "0",
        "id": str(uuid.uuid5(_NAMESPACE, f"{event.run.id}/{event.kind}")),
        "detail-type": _DETAIL_TYPES[event.kind],
        "source": "aws.glue",
        "account": ACCOUNT,
        "time": _moment(event.at_ms),
        "region": region,
        "resources": [],
        "detail": _detail(event),
    }


def _detail(event: Event) -> dict[str, Any]:
    run = event.run
    detail: dict[str, Any] = {
        "jobName": run.job_name,
        "severity": _SEVERITIES.get(event.state, "INFO"),
        "state": event.state,
        "jobRunId": str(run.id),
    }
    if event.kind is EventKind.STATE_CHANGE:
        message = _MESSAGES.get(event.state) or run.error_message or f"Job run ended in state {event.state}"
        return {**detail, "message": message}
    return {
        **detail,
        "severity": "INFO",
        "notificationCondition": {"NotifyDelayAfter": float(run.notify_delay_after_min or 0)},
        "message": f"Job is in {event.state} state",
        "startedOn": _moment(run.started_on_ms),
    }


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / _MS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
