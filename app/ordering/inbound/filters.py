"""Which records of the inbound queue are meant: read from texts, written as conditions.

The same members serve the list, the bulk operations and the command line. Ages count from
`created_at`, by the database's clock.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

import msgspec

from ordering.db.connection import Connection
from ordering.domain import messages
from ordering.domain.decode import decode
from ordering.domain.durations import parse_duration
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.ids import parse_id
from ordering.domain.messages import Message
from ordering.domain.states import InboundState, InboundStatus
from ordering.domain.values import Value
from ordering.domain.wording import escape

__all__ = [
    "CONDITIONS",
    "RequestFilter",
    "Where",
    "in_state",
    "make_where",
    "misfits",
    "read_filter",
    "read_selection",
]

Choice = TypeVar("Choice", InboundState, InboundStatus)


class RequestFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Records that fit everything that is not None. `account` is an account's id or external id."""

    id: UUID | None = None
    state: InboundState | None = None
    status: InboundStatus | None = None
    older_than: timedelta | None = None
    younger_than: timedelta | None = None
    external_id: str | None = None
    account: str | None = None


def read_filter(
    texts: Mapping[str, str], *, at: str | None = None
) -> tuple[RequestFilter, list[Problem]]:
    """Read the members by their camel-case names, and tell which cannot be read.

    Other names are passed over. `at` is the pointer of the object that holds the members; None for
    query parameters, which have no pointers.
    """
    reading = _Reading(texts, at, [])
    which = RequestFilter(
        id=reading.identity("id"),
        state=reading.choice("state", InboundState),
        status=reading.choice("status", InboundStatus),
        older_than=reading.age("olderThan"),
        younger_than=reading.age("youngerThan"),
        external_id=texts.get("externalId"),
        account=texts.get("account"),
    )
    return which, reading.problems


class _Conditions(Value):
    """The filter of a bulk operation as it is sent."""

    id: str | None = None
    state: str | None = None
    status: str | None = None
    older_than: str | None = None
    younger_than: str | None = None
    external_id: str | None = None
    account: str | None = None


class _Selection(Value):
    """The body of a bulk operation as it is sent."""

    filter: _Conditions | None = None


#: The names of all conditions.
CONDITIONS = tuple(
    field.encode_name for field in msgspec.structs.fields(_Conditions) if field.name != "extras"
)


def read_selection(body: bytes, states: Sequence[InboundState]) -> RequestFilter:
    """Read the body of an operation on all records that fit, `{"filter": {...}}`.

    `states` are those that the operation is for. Raises `InvalidRequestError` with every problem;
    a member that is unknown, null or there twice is one, since a condition that is passed over
    means more records.
    """
    sent, problems = decode(_Selection, body)
    problems += _passed_over(body)
    problems += [
        Problem.of(messages.MEMBER_UNKNOWN, f"/{escape(name)}", known="filter")
        for name in sent.extras or ()
    ]
    conditions = sent.filter
    if conditions is None:
        if not problems:
            problems.append(Problem.of(messages.MANDATORY_MISSING, "/filter", name="filter"))
        raise InvalidRequestError(problems)
    problems += [
        Problem.of(messages.MEMBER_UNKNOWN, f"/filter/{escape(name)}", known=", ".join(CONDITIONS))
        for name in conditions.extras or ()
    ]
    members = msgspec.to_builtins(conditions)
    texts = {name: text for name, text in members.items() if name in CONDITIONS}
    which, unreadable = read_filter(texts, at="/filter")
    problems += unreadable
    # A filter whose members cannot be read is not one without members.
    unfit = misfits(which, states, "/filter")
    problems += [each for each in unfit if each.pointer != "/filter" or not problems]
    if problems:
        raise InvalidRequestError(problems)
    return which


def _passed_over(body: bytes) -> Iterator[Problem]:
    """Find the members that a decoder passes over: those that are null, or sent once more."""
    # As pairs, which are tuples: objects as dicts have each member once.
    sent = json.loads(body, object_pairs_hook=tuple, parse_int=str)
    yield from _repeated(sent, "")
    for conditions in (value for name, value in sent if name == "filter"):
        if isinstance(conditions, tuple):
            members = cast("tuple[tuple[str, object], ...]", conditions)
            yield from _repeated(members, "/filter")
            for name, value in members:
                if value is None:
                    yield Problem.of(messages.CONDITION_NULL, f"/filter/{escape(name)}")


def _repeated(members: Iterable[tuple[str, object]], at: str) -> Iterator[Problem]:
    for name, times in Counter(name for name, _ in members).items():
        if times > 1:
            yield Problem.of(messages.MEMBER_REPEATED, f"{at}/{escape(name)}")


def misfits(
    which: RequestFilter, states: Sequence[InboundState], at: str = ""
) -> Iterator[Problem]:
    """Tell why a filter is not one for an operation on records in these states.

    It must name something, so that nobody means every record by mistake, and no other state, nor
    a status that records in these states do not have.
    """
    statuses = [status for status, state in _ENDS.items() if state in states]
    if which.state is not None and which.state not in states:
        known = ", ".join(sorted(states))
        yield Problem.of(messages.FILTER_STATE_UNFIT, f"{at}/state" if at else "", states=known)
    if which.status is not None and which.status not in statuses:
        known = "".join(f"{status} or " for status in statuses)
        pointer = f"{at}/status" if at else ""
        yield Problem.of(messages.FILTER_STATUS_UNFIT, pointer, statuses=known)
    if which == RequestFilter():
        yield Problem.of(messages.FILTER_EMPTY, at)


class _Reading(NamedTuple):
    """Reads single members and notes what is wrong."""

    texts: Mapping[str, str]
    at: str | None
    problems: list[Problem]

    def identity(self, name: str) -> UUID | None:
        text = self.texts.get(name)
        found = parse_id(text) if text is not None else None
        if text is not None and found is None:
            self._note(name, messages.ID_INVALID)
        return found

    def choice(self, name: str, kind: type[Choice]) -> Choice | None:
        text = self.texts.get(name)
        if text is None:
            return None
        try:
            return kind(text)
        except ValueError:
            self._note(name, messages.CHOICE_UNKNOWN, known=", ".join(kind))
            return None

    def age(self, name: str) -> timedelta | None:
        text = self.texts.get(name)
        try:
            return None if text is None else parse_duration(text)
        except ValueError:
            self._note(name, messages.AGE_INVALID)
            return None

    def _note(self, name: str, message: Message, **values: str) -> None:
        pointer = "" if self.at is None else f"{self.at}/{name}"
        self.problems.append(Problem.of(message, pointer, member=name, **values))


class Where(NamedTuple):
    """A condition on `inbound_request`, and the values of its parameters `$1` and following.

    `order` are the columns whose order is that of arrival among the records that fit.
    """

    text: str
    values: list[Any]
    order: tuple[str, ...]


def in_state(state: InboundState) -> str:
    """Write the condition that a record is in a state; to be ordered by `state`, then `number`.

    Records change their states in the order of their arrival, which the planner does not know: it
    would look for the oldest new record among all the completed ones, in the index on `number`.
    `= ANY` keeps it from seeing that only one state can come, and so makes it take the index on
    `(state, number)`. The state is written out, so that partial indexes are seen to fit.
    """
    return f"state = ANY ('{{{state}}}')"


#: The states of records that ended so.
_ENDS = {
    InboundStatus.SUCCESS: InboundState.COMPLETED,
    InboundStatus.PARTIAL_SUCCESS: InboundState.COMPLETED,
    InboundStatus.FAILURE: InboundState.ERROR,
}

#: How a record that ended so is recognised.
_STATUSES = {
    InboundStatus.SUCCESS: f"{in_state(InboundState.COMPLETED)} AND status = 'success'",
    InboundStatus.PARTIAL_SUCCESS: "state = 'completed' AND status = 'partial_success'",
    InboundStatus.FAILURE: f"{in_state(InboundState.ERROR)} AND status = 'failure'",
}

_ACCOUNT = """
SELECT id FROM party WHERE kind = 'account' AND (id = $1 OR external_id = $2)
ORDER BY (id = $1) IS TRUE DESC LIMIT 1
"""


_SINCE = "now() - {0}::interval"

# Numbers are given some moments before or after the ages; ten thousand arrivals are longer.
_FIRST = """(
    SELECT min(number) FROM (
        SELECT number FROM inbound_request WHERE created_at >= {since}
        ORDER BY created_at LIMIT 10000
    ) AS first
)"""
_FIRST_SINCE = _FIRST.format(since=_SINCE)


async def make_where(connection: Connection, which: RequestFilter) -> Where | None:
    """Write a filter as a condition; None if it can fit nothing."""
    # PostgreSQL's text cannot hold U+0000, so nothing can be found under it.
    if "\0" in (which.external_id or "") + (which.account or ""):
        return None
    account: UUID | None = None
    if which.account is not None:
        identity = parse_id(which.account)
        # An account that is known no longer may still be named by records, by its id.
        account = await connection.fetchval(_ACCOUNT, identity, which.account) or identity
        if account is None:
            return None
    # The second condition on younger ones is but a place for a walk by number to begin at.
    parameters: list[tuple[str, object]] = [
        ("id = {}", which.id),
        ("created_at < now() - {}::interval", which.older_than),
        (f"created_at >= {_SINCE} AND number >= {_FIRST_SINCE}", which.younger_than),
        ("external_id = {}", which.external_id),
        ("account_id = {}", account),
    ]
    parts = ["true"]
    values: list[Any] = []
    for condition, value in parameters:
        if value is not None:
            values.append(value)
            parts.append(condition.format(f"${len(values)}"))
    if which.state is not None:
        parts.append(in_state(which.state))
    if which.status is not None:
        parts.append(_STATUSES[which.status])
    # An account's requests are few, and have an index in the order of their numbers.
    by_state = account is None and (which.state is not None or which.status is not None)
    order = ("state", "number") if by_state else ("number",)
    return Where(" AND ".join(parts), values, order)
