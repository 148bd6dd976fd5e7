"""Filters of the queue: what is read, what is refused, all of it at once."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ordering.db.engine import Database
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.ids import new_id, show_id
from ordering.domain.states import InboundState, InboundStatus
from ordering.inbound.filters import RequestFilter, make_where, read_filter, read_selection

ID = new_id()
MEMBERS = {
    "id": show_id(ID),
    "state": "error",
    "status": "failure",
    "olderThan": "P1D",
    "youngerThan": "3600",
    "externalId": "PO-1",
    "account": "ACC-1",
}
FILTER = RequestFilter(
    id=ID,
    state=InboundState.ERROR,
    status=InboundStatus.FAILURE,
    older_than=timedelta(days=1),
    younger_than=timedelta(hours=1),
    external_id="PO-1",
    account="ACC-1",
)
STATES = (InboundState.ERROR,)

_KNOWN = "id, state, status, olderThan, youngerThan, externalId, account"


def refused(body: object) -> list[tuple[str, str]]:
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    with pytest.raises(InvalidRequestError) as caught:
        read_selection(encoded, STATES)
    return [(each.pointer, each.message) for each in caught.value.problems]


def test_texts_are_read_by_their_names() -> None:
    assert read_filter(MEMBERS | {"limit": "5"}) == (FILTER, [])
    assert read_filter({}) == (RequestFilter(), [])


def test_each_text_that_cannot_be_read_is_told() -> None:
    wrong = {"id": "X", "state": "News", "status": "", "olderThan": "long", "youngerThan": "-1"}
    texts = [
        "id must be 32 lower-case hexadecimal digits",
        "state is none of new, in_progress, pending, completed, error",
        "status is none of success, partial_success, failure",
        "olderThan must be a duration like P1DT12H, or seconds; at most 100 years",
        "youngerThan must be a duration like P1DT12H, or seconds; at most 100 years",
    ]
    assert read_filter(wrong) == (RequestFilter(), [Problem(text, "", 28) for text in texts])


def test_a_body_is_read_by_the_same_names() -> None:
    assert read_selection(msgspec.json.encode({"filter": MEMBERS}), STATES) == FILTER


def test_everything_that_is_wrong_with_a_body_is_told_with_its_place() -> None:
    body: dict[str, Any] = {
        "filter": {"state": 5, "olderThan": "long", "olderthan": "P1D", "a/b": 1},
        "state": "error",
    }
    assert refused(body) == [
        ("/filter/state", "Expected a string, got a whole number"),
        ("/state", "Unknown member; known are: filter"),
        ("/filter/olderthan", f"Unknown member; known are: {_KNOWN}"),
        ("/filter/a~1b", f"Unknown member; known are: {_KNOWN}"),
        (
            "/filter/olderThan",
            "olderThan must be a duration like P1DT12H, or seconds; at most 100 years",
        ),
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", ("", "Invalid payload: Request body missing")),
        ({}, ("/filter", "Invalid payload. Mandatory field missing: filter.")),
        ({"filter": None}, ("/filter", "Invalid payload. Mandatory field missing: filter.")),
        ({"filter": []}, ("/filter", "Expected an object, got an array")),
        (
            {"filter": {}},
            ("/filter", "filter must have a member: without one it would mean every request"),
        ),
        (
            {"filter": {"state": "completed", "account": "ACC-1"}},
            ("/filter/state", "state must be one of error, or absent"),
        ),
        (
            {"filter": {"status": "success"}},
            ("/filter/status", "status must be failure or absent: no other requests are taken"),
        ),
        (
            {"filter": {"state": "error", "externalId": None}},
            ("/filter/externalId", "Expected a string, got null"),
        ),
        (
            b'{"filter": {"externalId": "a", "state": "error", "externalId": "b"}}',
            ("/filter/externalId", "Sent more than once"),
        ),
        (
            b'{"filter": {"state": "error"}, "filter": {"externalId": "b"}}',
            ("/filter", "Sent more than once"),
        ),
    ],
)
def test_a_body_must_say_what_is_meant(body: object, problem: tuple[str, str]) -> None:
    assert refused(body) == [problem]


def test_what_has_not_ended_has_no_status() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_selection(b'{"filter": {"status": "failure"}}', (InboundState.NEW,))
    text = "status must be absent: no other requests are taken"
    assert list(caught.value.problems) == [Problem(text, "/filter/status", 24)]


async def test_no_record_can_have_a_nul_or_an_account_that_nobody_knows(
    demo_database: Database,
) -> None:
    async with demo_database.acquire() as connection:
        for which in (
            RequestFilter(external_id="a\0"),
            RequestFilter(account="a\0"),
            RequestFilter(account="nobody"),
        ):
            assert await make_where(connection, which) is None
