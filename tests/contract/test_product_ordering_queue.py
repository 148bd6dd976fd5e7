"""The inbound queue in the contract: its schemas and the code, its examples and links executed."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from ordering.access.roles import MAY, Permission, Role
from ordering.domain.durations import parse_duration
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.states import InboundState, InboundStatus
from ordering.inbound import filters, listing, operations
from ordering.inbound.filters import read_selection
from ordering.inbound.operations import CANCELABLE, REDRIVABLE
from ordering_rest import paging
from ordering_rest.operations import inbound, inbound_view
from support.api import ORDERS, Api
from support.contract import ABSENT, drain, encoded_names, load_contract
from support.links import follow
from support.provoke import path_of, queued, small, spoilt

CONTRACT = load_contract()
OPERATOR = Role.INBOUND_QUEUE_ADMIN

#: Schema, and the Struct that is shown.
SHOWN: list[tuple[str, type[msgspec.Struct]]] = [
    ("InboundRequestPage", vars(inbound)["_Page"]),
    ("InboundRequest", vars(inbound_view)["_Request"]),
    ("InboundAttempt", vars(inbound_view)["_Attempt"]),
    ("InboundOrderRef", vars(inbound_view)["_Order"]),
    ("InboundPartyRef", vars(inbound_view)["_Reference"]),
    ("InboundProblem", Problem),
    ("InboundQueue", vars(inbound_view)["_Status"]),
]

#: What is sent: schema of the body, schema of the filter, and the states that the filter may name.
SENT: list[tuple[str, str, Sequence[InboundState]]] = [
    ("RequestsToCancel", "RequestFilterCancel", CANCELABLE),
    ("RequestsToRedrive", "RequestFilterRedrive", REDRIVABLE),
]

#: Members of any kind, right for one member and wrong for the next.
SAMPLES: list[object] = [
    ABSENT, None, True, 0, 90, "", "x", "a\0b", "90", "1234567890", "P1DT12H", "P2W", "PT5M", "P",
    "PT", "P1DT", "P1Y", "-1", "0" * 32, "0" * 31, "A" * 32, *InboundState, *InboundStatus,
    [], ["x"], {}, {"a": 1},
]  # fmt: skip

#: Which roles an operation is for.
ALLOWED = {
    "cancelInboundRequests": Permission.OPERATE_QUEUE,
    "createOrderOfInboundRequest": Permission.OPERATE_QUEUE,
    "getInboundQueue": Permission.READ_QUEUE,
    "getInboundRequest": Permission.READ_QUEUE,
    "listInboundRequests": Permission.READ_QUEUE,
    "pauseInboundQueue": Permission.OPERATE_QUEUE,
    "redriveInboundRequests": Permission.OPERATE_QUEUE,
    "resumeInboundQueue": Permission.OPERATE_QUEUE,
}


# -- schemas ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(("schema", "struct"), SHOWN, ids=[each[0] for each in SHOWN])
def test_schema_has_the_members_of_the_struct(schema: str, struct: type[msgspec.Struct]) -> None:
    assert set(CONTRACT.properties(schema)) == encoded_names(struct)
    always = {each.encode_name for each in msgspec.structs.fields(struct) if each.required}
    assert set(CONTRACT.schema(schema)["required"]) == always


@pytest.mark.parametrize(("body", "sent", "states"), SENT, ids=[each[0] for each in SENT])
def test_filters_have_the_members_that_the_decoder_knows(
    body: str, sent: str, states: Sequence[InboundState]
) -> None:
    assert set(CONTRACT.properties(body)) == encoded_names(vars(filters)["_Selection"])
    # What can be canceled has not ended, and so has no status.
    without = set[str]() if InboundState.ERROR in states else {"status"}
    known = encoded_names(vars(filters)["_Conditions"]) - without
    assert set(CONTRACT.properties(sent)) == known


@pytest.mark.parametrize(("schema", "sent", "states"), SENT, ids=[each[0] for each in SENT])
@pytest.mark.parametrize("others", [{}, {"externalId": "WEB-2042"}], ids=["alone", "with another"])
def test_contract_and_code_accept_the_same_filters(
    schema: str, sent: str, states: Sequence[InboundState], others: dict[str, Any]
) -> None:
    disagreements: list[tuple[str, object]] = []
    accepted = 0
    for name in [*CONTRACT.properties(sent), "unknown"]:
        for sample in SAMPLES:
            members = {name: value for name, value in (others | {name: sample}).items()
                       if value is not ABSENT}  # fmt: skip
            agreed = _accepts({"filter": members}, states)
            accepted += agreed
            if CONTRACT.accepts(schema, {"filter": members}) != agreed:
                disagreements.append((name, sample))
    assert disagreements == []
    assert accepted > len(CONTRACT.properties(sent))


@pytest.mark.parametrize(("schema", "_sent", "states"), SENT, ids=[each[0] for each in SENT])
@pytest.mark.parametrize(
    "body",
    [
        None,
        True,
        [],
        "x",
        {},
        {"filter": None},
        {"filter": []},
        {"filter": {"id": "0" * 32}, "a": 1},
    ],
    ids=repr,
)
def test_contract_and_code_refuse_the_same_bodies(
    schema: str, _sent: str, states: Sequence[InboundState], body: object
) -> None:
    assert not CONTRACT.accepts(schema, body)
    assert not _accepts(body, states)


def _accepts(body: object, states: Sequence[InboundState]) -> bool:
    try:
        read_selection(msgspec.json.encode(body), states)
    except InvalidRequestError:
        return False
    return True


@pytest.mark.parametrize("text", ["0", "90", "P1D", "PT1S", "P1W2DT3H4M5S", "P36525D"])
def test_ages_are_those_that_the_code_reads(text: str) -> None:
    assert CONTRACT.accepts("Age", text)
    assert parse_duration(text).total_seconds() >= 0


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "P1M", "1.5", "-1", "p1d", "٣", "P123456D"]
)
def test_ages_that_the_code_does_not_read_are_none(text: str) -> None:
    assert not CONTRACT.accepts("Age", text)
    with pytest.raises(ValueError, match="Expected a duration"):
        parse_duration(text)


def test_enumerations_and_limits_are_those_of_the_code() -> None:
    assert CONTRACT.schema("InboundState")["enum"] == list(InboundState)
    assert CONTRACT.schema("InboundStatus")["enum"] == list(InboundStatus)
    assert CONTRACT.properties("InboundQueue")["states"]["required"] == list(InboundState)
    assert CONTRACT.properties("RequestFilterCancel")["state"]["enum"] == [
        *sorted(CANCELABLE)
    ]  # fmt: skip
    assert CONTRACT.properties("RequestFilterRedrive")["state"]["enum"] == [*REDRIVABLE]
    parameters = CONTRACT.document["components"]["parameters"]
    assert parameters["RequestSort"]["schema"]["enum"] == list(vars(inbound)["_SORTS"])
    assert parameters["RequestSort"]["schema"]["default"] == vars(inbound)["_SORTS"][0]
    priority = CONTRACT.properties("InboundRequest")["priority"]
    lowest, highest = vars(operations)["_LOWEST_PRIORITY"], vars(operations)["_TOP_PRIORITY"]
    assert (priority["minimum"], priority["maximum"]) == (lowest, highest)
    assert CONTRACT.properties("InboundRequestPage")["items"]["maxItems"] == paging.MAX_LIMIT
    shown = CONTRACT.properties("InboundRequest")["problemCount"]["description"]
    assert shown.endswith(f"lists show the first {listing.MOST_SHOWN}")
    link = CONTRACT.document["components"]["headers"]["NextLink"]["schema"]
    assert link["maxLength"] == paging.MAX_LINK_LENGTH


@pytest.mark.parametrize("operation", ALLOWED)
def test_descriptions_name_the_roles_that_may(operation: str) -> None:
    described = CONTRACT.follow(CONTRACT.operations[operation].at)[1]["description"]
    told = described.partition("For the roles ")[2].partition(";")[0]
    assert {role for role in Role if f"`{role}`" in told} == MAY[ALLOWED[operation]]


# -- examples and links ----------------------------------------------------------------------------
@pytest.mark.parametrize("operation", ["cancelInboundRequests", "redriveInboundRequests"])
async def test_filter_examples_are_accepted(api: Api, operation: str) -> None:
    for example in CONTRACT.request_examples(operation).values():
        answer = await api.post(path_of(operation), example, OPERATOR)
        assert answer.status_code == 200, answer.text
        CONTRACT.check(operation, answer)
        assert list(answer.json().values()) == [0]


async def test_parameter_examples_are_answered(api: Api) -> None:
    query = CONTRACT.query_examples("listInboundRequests")
    assert query == {
        "account": "ffc68911c35420105252716b7d40dd55",
        "cursor": "MTo0Mg",
        "externalId": "WEB-2042",
        "id": "01a201c070f678608a2cb885bffd64dd",
        "limit": 20,
        "olderThan": "PT1S",
        "payload": True,
        "youngerThan": "P1DT12H",
    }
    listed = await api.get(path_of("listInboundRequests"), OPERATOR, **query)
    assert listed.status_code == 200, listed.text
    CONTRACT.check("listInboundRequests", listed)
    assert listed.json() == {"items": []}


async def test_links_lead_from_an_accepted_order_through_the_queue(api: Api) -> None:
    accepted = await api.post(f"{ORDERS}?mode=async", small())
    request = await follow(api, "createProductOrder", accepted, "GetQueued")
    assert request.json()["state"] == "new"
    hastened = await follow(api, "getInboundRequest", request, "CreateOrderNow")
    assert hastened.headers["location"] == request.json()["href"]
    assert await drain(api) == 1
    completed = await follow(api, "createOrderOfInboundRequest", hastened, "GetHastened")
    assert completed.json()["state"] == "completed"
    order = await follow(api, "getInboundRequest", completed, "GetOrder")
    assert order.json()["href"] == completed.json()["order"]["href"]


async def test_pages_name_the_next_one(api: Api) -> None:
    first, second = await queued(api), await queued(api)
    page = await api.get(path_of("listInboundRequests"), sort="oldest", limit=1)
    assert page.links["next"]["url"] == page.json()["next"]
    CONTRACT.check("listInboundRequests", page)
    last = await api.get(page.json()["next"])
    CONTRACT.check("listInboundRequests", last)
    shown = [each["id"] for answer in (page, last) for each in answer.json()["items"]]
    assert shown == [first, second]
    assert "link" not in last.headers


async def test_requests_after_a_redrive_and_a_cancellation_conform(api: Api) -> None:
    identity = await spoilt(api)
    only = {"filter": {"id": identity}}
    for operation in ("redriveInboundRequests", "cancelInboundRequests"):
        done = await api.post(path_of(operation), only, OPERATOR)
        assert list(done.json().values()) == [1], done.text
    shown = await api.get(path_of("getInboundRequest", identity), OPERATOR)
    CONTRACT.check("getInboundRequest", shown)
    events = [each.get("event") for each in shown.json()["attemptHistory"]]
    assert events == [None, "redriven", "canceled"]
