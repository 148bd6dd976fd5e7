"""The bodies of cancellations, transitions and revisions: contract and code accept the same."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from ordering.domain import cancellation, progress
from ordering.domain.actions import FOR_LINES, FOR_WHOLE_ORDERS, Action
from ordering.domain.cancellation import read_cancellation
from ordering.domain.errors import InvalidRequestError
from ordering.domain.progress import read_transition
from ordering.domain.rules.revisions import CANCEL
from ordering.domain.states import OrderState
from ordering_rest.operations import transitions
from support import payloads
from support.contract import ABSENT, encoded_names, load_contract, step
from support.revisions import order_in, revised

CONTRACT = load_contract()

#: What the service says in a cancellation; it may be sent, and has no effect.
OF_THE_SERVICE = {"href", "id", "state"}

#: Schema, Struct, and members that are among the unknown attributes.
BODIES: list[tuple[str, type[msgspec.Struct], set[str]]] = [
    ("CancelProductOrder", cancellation.Cancellation, OF_THE_SERVICE),
    ("ProductOrderRef", cancellation.OrderRef, set()),
    ("Transition", vars(progress)["_Body"], set()),
    ("MovedProductOrder", vars(transitions)["_Moved"], set()),
    ("MovedLineItem", vars(transitions)["_Line"], set()),
]

#: Members of any kind, right for one member and wrong for the next.
SAMPLES: list[object] = [
    ABSENT, None, True, 0, 1.5, 1e301, "", "x", "x" * 255, "x" * 256, "a\0b",
    "2021-05-02T08:13:59.506Z", "2021-05-02T08:13:59", "2021-02-30T08:13:59Z",
    "CancelProductOrder", "CancelProductorder", *Action, "finish",
    [], [None], ["x"], ["x", "y"], [1], [{}], {}, {"a": 1}, {"id": "x"}, {"id": ""}, {"id": 1},
    {"a\0": 1}, {"a": ["b\0"]},
]  # fmt: skip

CANCELLATION = CONTRACT.request_examples("cancelProductOrder")["ExtendedCancellation"]
TRANSITION = CONTRACT.request_examples("moveProductOrder")["LineReport"]


def accepts(read: Callable[[bytes], object], body: object) -> bool:
    """Tell whether the code accepts a body."""
    try:
        read(msgspec.json.encode(body))
    except InvalidRequestError:
        return False
    return True


def variants(body: Any, at: str = "") -> Iterator[tuple[str, object, object]]:
    """The body with one member, known or not, changed to each sample."""
    for name in [*(body if not at else step(body, at)), "unknown"]:
        for sample in SAMPLES:
            changed = msgspec.json.decode(msgspec.json.encode(body))
            target = step(changed, at) if at else changed
            target.pop(name, None)
            if sample is not ABSENT:
                target[name] = sample
            yield name, sample, changed


@pytest.mark.parametrize(("schema", "struct", "free"), BODIES, ids=[each[0] for each in BODIES])
def test_schema_has_the_members_of_the_struct(
    schema: str, struct: type[msgspec.Struct], free: set[str]
) -> None:
    assert set(CONTRACT.properties(schema)) == encoded_names(struct) | free


@pytest.mark.parametrize("at", ["", "productOrder"])
def test_contract_and_code_accept_the_same_cancellations(at: str) -> None:
    assert CONTRACT.accepts("CancelProductOrder", CANCELLATION)
    disagreements = [
        (name, sample)
        for name, sample, body in variants(CANCELLATION, at)
        if CONTRACT.accepts("CancelProductOrder", body) != accepts(read_cancellation, body)
    ]
    assert disagreements == []


@pytest.mark.parametrize("action", [ABSENT, *Action])
def test_contract_and_code_accept_the_same_transitions(action: object) -> None:
    body = TRANSITION | {"action": action}
    disagreements = [
        (name, sample)
        for name, sample, body in variants(
            {name: value for name, value in body.items() if value is not ABSENT}
        )
        if CONTRACT.accepts("Transition", body) != accepts(read_transition, body)
    ]
    assert disagreements == []


def test_actions_are_those_of_the_code() -> None:
    assert CONTRACT.schema("MoveAction")["enum"] == sorted(Action)
    whole, lines = CONTRACT.schema("Transition")["allOf"]
    assert whole["if"]["properties"]["action"]["enum"] == sorted(FOR_WHOLE_ORDERS)
    assert lines["if"]["properties"]["action"]["enum"] == sorted(FOR_LINES)


# -- revisions -------------------------------------------------------------------------------------
REVISION: dict[str, Any] = {
    "externalId": "A-2",
    "requestedStartDate": "2026-01-02T03:04:05Z",
    "channel": [{"id": payloads.CHANNEL}],
    "note": [{"text": "Ring twice"}],
    "relatedParty": [{"id": payloads.CONSUMER, "@referredType": "Consumer"}],
    "productOrderItem": [
        {"id": "1", "action": "add", "quantity": 2, "actionReason": "more", "revisionOperation": ""}
    ],
}

#: Members of revisions, right for one member and wrong for the next.
SAID: list[object] = [
    ABSENT, None, True, 0, -1, 2.5, "", "x", "1", "add", "change", CANCEL, "update", "a\0b",
    "2021-05-02T08:13:59Z", "2021-05-02", [], [None], [{}], {}, {"a": 1}, "x" * 41, "x" * 256,
]  # fmt: skip

#: What only the order that is revised can tell: which lines it has, and what their action is.
_NEW_LINE_OR_FIXED = {("id", "x"), ("id", "add"), ("id", "change"), ("id", CANCEL),
                      ("id", "update"), ("id", "2021-05-02T08:13:59Z"), ("id", "2021-05-02"),
                      ("action", "change")}  # fmt: skip


def revision_accepted(body: object) -> bool:
    """Tell whether the code accepts a revision of an order in progress."""
    order = order_in(OrderState.IN_PROGRESS, payloads.order(items=[payloads.item("1")]))
    try:
        revised(order, body, check_references=False)
    except InvalidRequestError:
        return False
    return True


@pytest.mark.parametrize("at", ["", "productOrderItem", "note", "channel", "relatedParty"])
def test_contract_and_code_accept_the_same_revisions(at: str) -> None:
    assert CONTRACT.accepts("ProductOrderRevise", REVISION)
    assert revision_accepted(REVISION)
    target: dict[str, Any] = step(REVISION, at)[0] if at else REVISION
    disagreements: set[tuple[str, object]] = set()
    for name in [*target, "unknown"]:
        for sample in SAID:
            body = msgspec.json.decode(msgspec.json.encode(REVISION))
            changed = step(body, at)[0] if at else body
            changed.pop(name, None)
            if sample is not ABSENT:
                changed[name] = sample
            if CONTRACT.accepts("ProductOrderRevise", body) != revision_accepted(body):
                disagreements.add((name, str(sample)))
    assert disagreements == (_NEW_LINE_OR_FIXED if at == "productOrderItem" else set())


def test_revision_operations_are_those_of_the_code() -> None:
    operations = CONTRACT.properties("ProductOrderItemRevise")["revisionOperation"]["enum"]
    assert operations == ["", CANCEL, None]
