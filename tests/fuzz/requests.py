"""Requests by number: which one is the n-th of a seed never depends on the ones before, so any can be sent again alone."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import quote, urlencode

from tests.fuzz.spoiling import Subject, spelled, spoil
from tests.fuzz.values import Values, with_real_names
from tests.support import wire
from tests.support.shape_generator import GLUE, LOGS, service_model

_TARGETS: Final[Mapping[str, str]] = {"glue": "AWSGlue.", "logs": "Logs_20140328."}
_ACTIONS: Final = [(service.name, action) for service in (GLUE, LOGS) for action in service.actions]
_NEIGHBOURS: Final = ("GetCallerIdentity", "GetRole")
PROTOCOL_ERRORS: Final = frozenset(
    {
        "AccessDeniedException",
        "RequestEntityTooLargeException",
        "RequestHeaderFieldsTooLargeException",
        "SerializationException",
        "UnknownOperationException",
        "UnsupportedMediaTypeException",
    }
)
"""Not of any action: what AWS's front end answers before one is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request and what may be answered to it."""

    number: int
    action: str
    how: str
    body: bytes
    errors: frozenset[str] = PROTOCOL_ERRORS
    is_allowed: bool = False  # by the model: neither its types nor its limits may be what is refused
    is_refused: bool = False
    member: str | None = None
    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str | None] = field(default_factory=dict)

    def data(self, run_ids: Sequence[str], workflow_run_ids: Sequence[str], script: str) -> bytes:
        """Return the bytes to send, about what is really there."""
        body = with_real_names(self.body, run_ids, workflow_run_ids, script)
        path = with_real_names(self.path.encode(), run_ids, workflow_run_ids, script).decode()
        return wire.request(body, method=self.method, path=path, **self.headers)

    def __str__(self) -> str:
        """Say which it is."""
        return f"request {self.number}, {self.action} with {self.how}: {self.method} {self.path} {self.body[:300]!r}"


@cache
def _model(service: str) -> Any:
    return service_model({"glue": GLUE, "logs": LOGS}[service])


def request(seed: int, number: int) -> Request:
    """Return the n-th request of a seed."""
    chance = random.Random(f"{seed} {number}")
    way = chance.random()
    if way < 0.04:
        return _neighbour(number, chance)
    if way < 0.07:
        return _page(number, chance)
    service, action = _ACTIONS[number % len(_ACTIONS)]  # each comes as often as any other
    operation = _model(service)["operations"][action]
    shape = operation["input"]["shape"]
    values = Values(_model(service)["shapes"], chance, action)
    right = values.request(shape)
    errors = frozenset(error["shape"] for error in operation["errors"]) | PROTOCOL_ERRORS
    target: dict[str, str | None] = {"x_amz_target": _TARGETS[service] + action}
    if way < 0.40:
        return Request(
            number=number,
            action=action,
            how="nothing wrong",
            body=spelled(right),
            errors=errors,
            is_allowed=True,
            headers={**target, "amz_sdk_invocation_id": f"{chance.randrange(10**6)}"},
        )
    if way < 0.45:
        return _misdirected(number, action, spelled(right), target, chance)
    found = spoil(Subject.of(right, shape, values))
    return Request(
        number=number,
        action=action,
        how=found.how,
        body=found.body,
        errors=errors,
        is_refused=found.is_refused,
        member=found.member,
        headers=target,
    )


def _misdirected(
    number: int, action: str, body: bytes, target: Mapping[str, str | None], chance: random.Random
) -> Request:
    """Return a request whose body is right and whose head is not."""
    ways: list[tuple[str, dict[str, str | None]]] = [
        ("no content type", {"content_type": None}),
        ("another content type", {"content_type": "application/json"}),
        ("a form's content type", {"content_type": "application/x-www-form-urlencoded"}),
        ("no target", {"x_amz_target": None}),
        ("an empty target", {"x_amz_target": ""}),
        ("another action", {"x_amz_target": "AWSGlue.MakeCoffee"}),
        ("another log action", {"x_amz_target": "Logs_20140328.PutLogEvents"}),
        ("another service", {"x_amz_target": "DynamoDB_20120810.GetItem"}),
        ("an action in another case", {"x_amz_target": "AWSGlue.getjobs"}),
        ("an odd target", {"x_amz_target": "AWSGlue.\xff\xfe" + "x" * 300}),
        ("another host", {"host": "evil.example"}),
        ("an origin", {"origin": "http://evil.example"}),
        ("headers that are too long", {"x_long": "x" * 17_000}),
        ("a body that is too long", {}),
        ("another method", {}),
        ("another path", {}),
    ]
    how, headers = chance.choice(ways)
    return Request(
        number=number,
        action=action,
        how=how,
        body=b'{"x": "' + b"x" * 1_100_000 + b'"}' if how == "a body that is too long" else body,
        is_refused=True,
        method=chance.choice(["PUT", "DELETE", "PATCH", "OPTIONS", "FROB"]) if how == "another method" else "POST",
        path="/" + quote(chance.choice(["x", "..", "runs", "\0", "ä/ö", "//"])) if how == "another path" else "/",
        headers={**target, **headers},
    )


def _neighbour(number: int, chance: random.Random) -> Request:
    """Return a form for one of the two canned actions."""
    action = chance.choice([*_NEIGHBOURS, "AssumeRole", "", "\0ü"])
    name = chance.choice(["role", "a b", "", "x" * 65, "\u202e\0", "r+=,.@-"])
    fields = [("Action", action), ("RoleName", name), ("Version", "2011-06-15")]
    body = urlencode(chance.sample(fields, k=chance.randint(1, 3))).encode()
    if chance.random() < 0.3:
        body = bytes(chance.choices(b"Action=GetRole&%\xff\0;", k=30))
    headers: dict[str, str | None] = {"content_type": "application/x-www-form-urlencoded", "x_amz_target": None}
    errors = PROTOCOL_ERRORS | {"InvalidAction", "ValidationError"}
    return Request(number=number, action=action or "a form", how="a form", body=body, errors=errors, headers=headers)


def _page(number: int, chance: random.Random) -> Request:
    """Return a GET of a plain route, with a query that may mean anything."""
    run_id = "jr_" + chance.choice("123") * 64
    odd = [
        "",
        "-1",
        "1",
        "999999999999999999999",
        "NaN",
        "1e3",
        "\0",
        "ä",
        "steady",
        "flow",
        "RUNNING",
        "jr_",
        "\u202e",
    ]
    path = chance.choice(
        [
            *("/healthz", "/runs", "/triggers", "/workflows", "/workflow", "/runs/x", "/runs/%00", "/nothing"),
            *(f"/runs/{run_id}", f"/runs/{run_id}/explain", f"/runs/{run_id}/log/stdout", f"/runs/{run_id}/log/x"),
        ]
    )
    names = chance.sample(["limit", "job", "state", "prefix", "seen_state", "offset", "name", "run", "x"], k=2)
    query = urlencode([(name, chance.choice(odd)) for name in names])
    headers: dict[str, str | None] = {"x_amz_target": None, "content_type": None, "content_length": None}
    errors = PROTOCOL_ERRORS | {"InvalidInputException", "EntityNotFoundException"}
    return Request(
        number=number,
        action=path.split("/")[1],
        how="a query",
        body=b"",
        errors=errors,
        method="GET",
        path=f"{path}?{query}",
        headers=headers,
    )
