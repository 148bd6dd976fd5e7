"""Every example of an answer, executed: what it shows is what the application answers."""

import re
from typing import Any

import httpx
import msgspec
import pytest

from ordering.access.roles import Role
from support.api import Api
from support.bulks import lines
from support.contract import Example, drain, load_contract, read_values, step
from support.provoke import (
    UNKNOWN,
    Provoke,
    asked,
    called_as,
    creating,
    in_use,
    placed,
    queued,
    refused,
    reused,
    small,
    small_item,
    spoilt,
    tagged,
    with_defect,
)

CONTRACT = load_contract()
EXAMPLES = dict(CONTRACT.response_examples())

EUROS = [{"price": {"taxIncludedAmount": {"unit": "EUR", "value": 1}}}]
BOTH = [{"price": {"taxIncludedAmount": {"unit": each, "value": 1}}} for each in ("USD", "EUR")]
CHANNEL = CONTRACT.request_examples("reviseProductOrder")["PublishedRevision"]
CANCELLATION = {"productOrder": {"id": "{id}"}}
COMPLETED = {"action": "complete"}
DEFECT = RuntimeError("the cause stays in the log")
TOO_MUCH = b" " * (16 * 1024 * 1024 + 1)

IN_PROGRESS = creating("approve", "start")
PAST_PONR = creating("approve", "start", "set_ponr")


async def two(api: Api) -> None:
    """Place two orders."""
    await placed(api)
    await placed(api)


async def two_queued(api: Api) -> None:
    """Have two orders queued."""
    await queued(api)
    await queued(api)


async def completed(api: Api) -> str:
    """Have an order created from the queue; returns its id."""
    identity = await queued(api)
    assert await drain(api) == 1
    return identity


#: A bulk with a line of each kind.
KNOWN = small(externalId="WEB-2042")
LINES = lines(KNOWN, KNOWN, small(externalId="WEB-2043", relatedParty=None))
BULK = refused(LINES, query="?mode=async", Content_Type="application/x-ndjson")


async def bulk(api: Api) -> str:
    """Send the bulk; returns its id."""
    return read_values(await BULK(api, "createProductOrder"))[-1]["bulk"]["id"]


#: How each example comes about.
PROVOKERS: dict[str, Provoke] = {
    "AcceptedLine": BULK,
    "AcceptedOrder": refused(small(), query="?mode=async"),
    "Alive": asked("/livez"),
    "AllOrders": asked(of=placed),
    "BodyMissing": refused(b""),
    "BodyNotAnObject": refused(b"[]", of=IN_PROGRESS),
    "BodyTooLarge": refused(TOO_MUCH),
    "BulkEnded": BULK,
    "CancelMembersMissing": refused({}),
    "CancelOrderNew": refused(CANCELLATION, of=placed),
    "CancelOrderPonr": refused(CANCELLATION, of=PAST_PONR),
    "CancelOrderQueued": refused(CANCELLATION, of=queued),
    "CancelOrderUnknown": refused(CANCELLATION),
    "CanceledOrder": refused(
        {
            "cancellationReason": "Duplicate order",
            "requestedCancellationDate": "2026-04-30T12:56:21.931Z",
            "productOrder": {
                "id": "{id}",
                "href": "/api/sn_ind_tmt_orm/order/productOrder/{id}",
                "@referredType": "ProductOrder",
            },
            "@type": "CancelProductOrder",
            "ticket": {"number": 4711},
        },
        of=IN_PROGRESS,
    ),
    "CanceledRequests": refused({"filter": {"state": "new"}}, of=queued),
    "CompletedRequest": asked(of=completed),
    "ContentTypeInvalid": refused(small(), Content_Type="text/plain"),
    "CreatedOrder": refused(small()),
    "CredentialsInvalid": called_as(Role.ORDER_INTEGRATOR, "wrong"),
    "CredentialsMissing": called_as(None),
    "CurrenciesDiffer": refused(small_item(itemPrice=BOTH) | {"orderCurrency": None}),
    "CurrencyDiffers": refused(small_item(itemPrice=EUROS)),
    "CurrencyFixed": refused({"orderCurrency": "EUR"}, of=IN_PROGRESS),
    "CurrencyInactive": refused(small(orderCurrency="DEM")),
    "Defect": with_defect(DEFECT),
    "DeprecatedAllOrders": asked(of=placed),
    "DeprecatedCreatedOrder": refused(small()),
    "DeprecatedFieldsMissing": refused({}),
    "DeprecatedPageOfOrders": asked(of=two, limit=1),
    "DeprecatedRevisedOrder": refused(CHANNEL, of=IN_PROGRESS),
    "DuplicateLine": BULK,
    "FailedOrder": asked(of=spoilt),
    "FailedRequest": asked(of=spoilt),
    "FieldsInvalid": refused(small_item(quantity=True, action=None) | {"relatedParty": "me"}),
    "FieldsMissing": refused({}),
    "FinishedBulk": asked(of=bulk),
    "HastenedRequest": refused(b"", of=queued),
    "IfMatchInvalid": refused({}, of=IN_PROGRESS, If_Match="1"),
    "KeyInUse": in_use,
    "KeyReused": reused,
    "MayNotPlace": called_as(Role.ORDER_VIEWER),
    "MayNotRead": called_as(Role.CATALOG_INTEGRATOR),
    "ModeInvalid": refused(small(), query="?mode=sync"),
    "MovedOrder": refused({"action": "approve"}, of=placed),
    "NoOrders": asked(state="completed"),
    "OpenQueue": refused(b"", of=queued),
    "OrderNotFound": asked(),
    "OrderOutdated": tagged(CHANNEL),
    "PageInvalid": asked(limit=0, offset=-1),
    "PageOfOrders": asked(of=two, limit=1),
    "PageOfRequests": asked(of=two_queued, limit=1),
    "PausedQueue": refused(b"", of=queued),
    "ProblemBulkNotFound": asked(),
    "ProblemBulkQuery": asked(of=bulk, after=-1, outcome="failed"),
    "ProblemBodyMissing": refused(b""),
    "ProblemCancelState": refused({"filter": {"state": "completed"}}),
    "ProblemCannotMove": refused(COMPLETED, of=placed),
    "ProblemCannotRun": refused(b"", of=completed),
    "ProblemContentType": refused(COMPLETED, Content_Type="text/plain"),
    "ProblemCredentialsInvalid": called_as(Role.ORDER_FULFILMENT, "wrong"),
    "ProblemCredentialsMissing": called_as(None),
    "ProblemDefect": with_defect(DEFECT),
    "ProblemFilterEmpty": refused({"filter": {}}),
    "ProblemFilterInvalid": refused(
        {"filter": {"status": "good", "olderThan": "soon", "channel": "2"}}
    ),
    "ProblemIfMatch": refused(COMPLETED, of=placed, If_Match="1"),
    "ProblemKeyInUse": in_use,
    "ProblemKeyInvalid": refused(b"", Idempotency_Key="two words"),
    "ProblemKeyReused": reused,
    "ProblemLineItemUnknown": refused(
        {"action": "start", "lineItemIds": ["7"]}, of=creating("approve")
    ),
    "ProblemMayNotMove": called_as(Role.ORDER_INTEGRATOR),
    "ProblemMayNotOperateQueue": called_as(Role.ORDER_VIEWER),
    "ProblemMayNotReadQueue": called_as(Role.ORDER_FULFILMENT),
    "ProblemMembersInvalid": refused({"action": "finish", "reason": 1}, of=placed),
    "ProblemOrderNotFound": refused(COMPLETED),
    "ProblemOutdated": tagged(COMPLETED),
    "ProblemPayload": asked(payload="yes"),
    "ProblemRequestNotFound": refused(b""),
    "ProblemRequestQuery": asked(sort="up", olderThan="soon", limit=0, cursor="1"),
    "ProblemTooLarge": refused(TOO_MUCH),
    "ProblemUnavailable": with_defect(ConnectionRefusedError()),
    "QueuedOrder": asked(of=queued),
    "QueuedRequest": refused(b"", of=queued, query="?payload=true"),
    "Ready": asked("/readyz"),
    "RedrivenRequests": refused({"filter": {"state": "error"}}, of=spoilt),
    "ReferencesUnknown": refused(
        small_item(
            action="change",
            productOffering={"id": UNKNOWN},
            product={"id": UNKNOWN, "productSpecification": {"id": UNKNOWN}},
        )
        | {"relatedParty": [{"id": UNKNOWN, "@referredType": "Consumer"}]}
    ),
    "ReviseMembersMissing": refused(b'{"productOrderItem": [{}]}', of=IN_PROGRESS),
    "ReviseOrderNew": refused(CHANNEL, of=placed),
    "ReviseOrderPonr": refused(CHANNEL, of=PAST_PONR),
    "ReviseOrderQueued": refused(CHANNEL, of=queued),
    "RefusedLine": BULK,
    "RevisedOrder": refused(CHANNEL, of=IN_PROGRESS),
    "SelectedFields": asked(of=placed, fields="state,productOrderItem.id,productOrderItem.state"),
    "SelectedMembers": asked(of=placed, fields="state,productOrderItem.id,productOrderItem.state"),
    "SoldProductInactive": refused(
        small_item(action="change", product={"id": "dsl-of-funco-external"})
    ),
    "Unavailable": with_defect(ConnectionRefusedError()),
    "Unready": with_defect(ConnectionRefusedError()),
}

#: Examples whose way depends on the operation that shows them.
SPECIAL: dict[tuple[str, str], Provoke] = {
    ("getProductOrder", "CreatedOrder"): asked(of=placed),
    ("listBulkResults", "AcceptedLine"): asked(of=bulk),
    ("listBulkResults", "RefusedLine"): asked(of=bulk),
    ("getDeprecatedProductOrder", "DeprecatedCreatedOrder"): asked(of=placed),
    ("cancelProductOrder", "OrderOutdated"): tagged(CANCELLATION),
    ("reviseProductOrder", "OrderNotFound"): refused(CHANNEL),
    ("reviseDeprecatedProductOrder", "OrderNotFound"): refused(CHANNEL),
}


def test_every_response_example_is_executed() -> None:
    assert {example.name for example in EXAMPLES} == set(PROVOKERS)
    assert set(SPECIAL) <= {(example.operation, example.name) for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids="-".join)
async def test_response_example_is_what_is_answered(api: Api, example: Example) -> None:
    provoke = SPECIAL.get((example.operation, example.name), PROVOKERS[example.name])
    response = await provoke(api, example.operation)
    assert response.status_code == int(example.status), response.text
    CONTRACT.check(example.operation, response)
    assert _made_alike(EXAMPLES[example], response) == EXAMPLES[example]


def _one_like(example: Any, response: httpx.Response) -> Any:
    """What a response shows; of several lines the one with the members of the example."""
    values = read_values(response)
    if len(values) == 1:
        return values[0]
    return next(each for each in values if each.keys() == example.keys())


#: What is new each time, and what the examples show instead: entity tags, moments and ages.
_ALIKE = [
    (re.compile("1-[0-9]{13}"), "1-1700000000000"),
    (
        re.compile('"(at|claimedAt|createdAt|endedAt|pausedSince|updatedAt)":"[^"]+"'),
        r'"\1":"2026-04-30T12:56:21.931Z"',
    ),
    (re.compile('"oldestNewAgeMs":[0-9]+'), '"oldestNewAgeMs":1500'),
]


def _made_alike(example: object, response: httpx.Response) -> object:
    """The response under the example's id, and with what else is new each time as it shows it."""
    body = _one_like(example, response)
    text = msgspec.json.encode(body).decode()
    for changing, shown_as in _ALIKE:
        text = changing.sub(shown_as, text)
    shown, answered = _identity(example), _identity(body)
    return msgspec.json.decode(text.replace(answered, shown) if shown else text)


def _identity(body: Any) -> str:
    first: Any = step(body, "0") if isinstance(body, list) else body
    first = first.get("bulk", first)
    if "items" in first:
        first = step(first["items"], "0")
    return first.get("id") or first.get("orderId") or ""
