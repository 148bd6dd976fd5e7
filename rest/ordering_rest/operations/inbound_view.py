"""A record of the inbound queue, and the queue itself, as JSON.

The names are those of the source's fields (Inbound Request) in camel case. What only operators may
see is the payload, the requested flow, the answer of a flow, the inner reasons of failures, and the
names of workers and operators.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw

from ordering.domain.errors import Problem
from ordering.domain.ids import show_id
from ordering.domain.states import InboundState
from ordering.domain.timestamps import Timestamp, show_timestamp
from ordering.inbound.control import QueueStatus
from ordering.inbound.listing import QueuedRequest
from ordering_rest.parity.view import ORDERS_PATH

__all__ = ["REQUESTS_PATH", "Shown", "show_request", "show_status"]

REQUESTS_PATH = "/api/ordering/v1/inboundRequest"


class Shown(msgspec.Struct, rename="camel", omit_defaults=True):
    """The base of what is shown: absent members are left out."""


class _Reference(Shown, kw_only=True):
    id: str


class _Order(Shown, kw_only=True):
    id: str
    href: str


class _Attempt(Shown, kw_only=True):
    """An attempt that failed, or what an operator did: then `event` and `by` are there."""

    attempt: int
    at: str
    system_id: str | None = None
    error: str | None = None
    event: str | None = None
    by: str | None = None


class _Request(Shown, kw_only=True):
    id: str
    href: str
    number: int
    resource: str
    reference_table: str
    state: str
    status: str | None = None
    status_code: int
    error_message: str | None = None
    problems: list[Problem] | None = None
    problem_count: int | None = None
    order: _Order | None = None
    external_id: str | None = None
    external_system: str | None = None
    account: _Reference | None = None
    contact: _Reference | None = None
    consumer: _Reference | None = None
    initiated_by: str
    priority: int
    run_in_background: bool
    requested_flow: str | None = None
    request_configuration: str | None = None
    source_table: str | None = None
    source_record_ids: Raw | None = None
    domain: str | None = None
    job_id: str | None = None
    inventory_ids: Raw | None = None
    execute_after: _Reference | None = None
    due_at: str | None = None
    attempts: int
    attempt_history: list[_Attempt] | None = None
    system_id: str | None = None
    claimed_at: str | None = None
    lease_expires_at: str | None = None
    created_at: str
    updated_at: str
    ended_at: str | None = None
    response_payload: Raw | None = None
    payload_bytes: int
    payload: str | None = None


class _Status(Shown, kw_only=True):
    """The queue: each state with the number of its records."""

    states: dict[str, int]
    total: int
    oldest_new_age_ms: int | None = None
    paused: bool
    paused_by: str | None = None
    paused_since: str | None = None
    window_open: bool


def show_request(record: QueuedRequest, *, operator: bool) -> Shown:
    """Show a record; `operator` tells whether to someone who may operate the queue."""
    problems = msgspec.json.decode(record.error, type=list[Problem]) if record.error else None
    message = record.error_message
    if problems and not operator:
        # The record's own may name the inner reason of a failure.
        message = problems[0].message
    completed = record.state is InboundState.COMPLETED
    identity = show_id(record.id)
    members: dict[str, Any] = {name: getattr(record, name) for name in _AS_THEY_ARE}
    members |= {name: _moment(getattr(record, name)) for name in _MOMENTS}
    return _Request(
        id=identity,
        href=f"{REQUESTS_PATH}/{identity}",
        order=_Order(id=identity, href=f"{ORDERS_PATH}/{identity}") if completed else None,
        error_message=message,
        problems=problems,
        problem_count=record.problem_count or None,
        account=_refer(record.account_id),
        contact=_refer(record.contact_id),
        consumer=_refer(record.consumer_id),
        execute_after=_refer(record.execute_after),
        system_id=record.system_id if operator else None,
        requested_flow=record.requested_flow if operator else None,
        response_payload=_raw(record.response_payload) if operator else None,
        payload=record.payload if operator else None,
        source_record_ids=_raw(record.source_record_ids),
        inventory_ids=_raw(record.inventory_ids),
        attempt_history=_history(record.attempt_history, operator=operator),
        **members,
    )


def show_status(status: QueueStatus, *, operator: bool) -> Shown:
    """Show the queue; `operator` tells whether to someone who may operate it."""
    return _Status(
        states={state.value: count for state, count in status.states.items()},
        total=sum(status.states.values()),
        oldest_new_age_ms=status.oldest_new_age_ms,
        paused=status.paused,
        paused_by=status.paused_by if operator else None,
        paused_since=_moment(status.paused_since),
        window_open=status.window_open,
    )


_MOMENTS = (
    "due_at",
    "claimed_at",
    "lease_expires_at",
    "created_at",
    "updated_at",
    "ended_at",
)
_AS_THEY_ARE = (
    "number",
    "resource",
    "reference_table",
    "state",
    "status",
    "status_code",
    "external_id",
    "external_system",
    "initiated_by",
    "priority",
    "run_in_background",
    "request_configuration",
    "source_table",
    "domain",
    "job_id",
    "attempts",
    "payload_bytes",
)


def _history(text: str | None, *, operator: bool) -> list[_Attempt] | None:
    if text is None:
        return None
    return [
        _Attempt(
            attempt=each.attempt,
            at=show_timestamp(Timestamp.parse(each.at)),
            event=each.event,
            system_id=each.system_id if operator else None,
            error=each.error if operator else None,
            by=each.by if operator else None,
        )
        for each in msgspec.json.decode(text, type=list[_Attempt])
    ]


def _refer(identity: UUID | None) -> _Reference | None:
    return None if identity is None else _Reference(id=show_id(identity))


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else show_timestamp(moment)


def _raw(text: str | None) -> Raw | None:
    return None if text is None else Raw(text.encode())
