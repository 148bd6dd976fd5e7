"""From a draft to an order: nothing sent is lost, references are resolved and completed."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ordering.domain.capture import Circumstances, capture
from ordering.domain.ids import new_id
from ordering.domain.order import Order
from ordering.domain.references import References
from ordering.domain.states import OrderState
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import encode
from support.found import (
    demo_references,
    draft_of,
    id_of,
)
from support.generated import full_order
from support.payloads import (
    ACCOUNT,
    CHANNEL,
    CONSUMER,
    CONTROLLER,
    EDGE_DEVICE,
    UNKNOWN_ID,
    Payload,
    channel,
    characteristic,
    item,
    note,
    order,
    party,
    product,
    related,
)

_MOMENT = Timestamp.parse("2027-01-02T03:04:05.678Z")
_HOW = Circumstances(order_id=new_id(), client="cpq", moment=_MOMENT)


def _capture(payload: Payload, found: References | None = None, **how: Any) -> Order:
    circumstances = msgspec.structs.replace(_HOW, **how)
    return capture(draft_of(payload), found or demo_references(), circumstances)


def _read(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def test_a_new_order_is_captured_under_the_given_circumstances() -> None:
    captured = _capture(order(externalId="PO-1", externalSystem="CPQ"))
    assert captured.id == _HOW.order_id
    assert captured.number is None
    assert (captured.external_id, captured.external_system) == ("PO-1", "CPQ")
    assert (captured.state, captured.version, captured.ponr) == (OrderState.NEW, 1, False)
    assert captured.created_by == "cpq"
    assert captured.created_at == captured.updated_at == _MOMENT
    assert captured.extras is None
    assert captured.channels is captured.notes is None
    assert not captured.has_work_notes


def test_dates_are_kept_and_completion_is_expected_when_it_is_requested() -> None:
    captured = _capture(
        order(
            orderDate="2026-01-01T00:00:00+01:00",
            requestedStartDate="2026-01-02T00:00:00Z",
            requestedCompletionDate="2026-01-03T00:00:00Z",
            committedDueDate="2026-01-04T00:00:00Z",
        )
    )
    assert captured.order_date == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert captured.requested_start_date == datetime(2026, 1, 2, tzinfo=UTC)
    assert captured.requested_completion_date == datetime(2026, 1, 3, tzinfo=UTC)
    assert captured.expected_completion_date == datetime(2026, 1, 3, tzinfo=UTC)
    assert captured.committed_due_date == datetime(2026, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"orderCurrency": "USD"}, ("USD", None)),
        ({"orderCurrency": "USD", "currencyCode": "USD"}, ("USD", "USD")),
        ({"orderCurrency": None, "currencyCode": "USD"}, ("USD", "USD")),
    ],
)
def test_the_currency_is_kept_under_the_names_that_were_used(
    sent: Payload, kept: tuple[str, str | None]
) -> None:
    captured = _capture(order(**sent))
    assert (captured.order_currency, captured.currency_code) == kept


def test_what_a_client_says_about_our_members_has_no_effect() -> None:
    line = item(state="completed", version=9, ponr="true")
    captured = _capture(
        order(
            items=[line],
            id="1",
            href="x",
            state="completed",
            version=9,
            ponr=True,
            expectedCompletionDate="x",
        )
    )
    for each in (captured, captured.line_items[0]):
        assert (each.state, each.version, each.ponr, each.extras) == ("new", 1, False, None)
        assert each.id != "1"
    assert captured.expected_completion_date is None


def test_notes_get_an_author_and_a_date_where_they_have_none() -> None:
    sent = note("b", id="2", author="Jean", date="2019-04-30T08:13:59.509Z", kind="x")
    assert _read(_capture(order(note=[note("a"), sent])).notes) == [
        {"author": "cpq", "date": "2027-01-02T03:04:05.678Z", "text": "a"},
        sent,
    ]


def test_channels_get_their_name_where_they_have_none() -> None:
    sent = [channel(), channel(name="Web", x=1), channel("99")]
    assert _read(_capture(order(channel=sent)).channels) == [
        {"id": CHANNEL, "name": "Online channel"},
        {"id": CHANNEL, "name": "Web", "x": 1},
        {"id": "99"},
    ]


def test_parties_get_their_name_and_type_where_they_have_none() -> None:
    own = party("Consumer", name="Me", x=[Decimal("1.50")], **{"@type": "Individual"})
    sent = [party(), own, {"id": UNKNOWN_ID, "type": "CustomerContact"}, party("Reseller")]
    assert _read(_capture(order(relatedParty=sent)).related_parties) == [
        party(name="Funco Intl", **{"@type": "RelatedParty"}),
        party("Consumer", name="Me", x=[1.5], **{"@type": "Individual"}),
        {
            "id": UNKNOWN_ID,
            "@type": "RelatedParty",
            "@referredType": "CustomerContact",
            "type": "CustomerContact",
        },
        party("Reseller", **{"@type": "RelatedParty"}),
    ]


def test_the_first_account_and_the_first_consumer_are_resolved() -> None:
    parties = [
        party("CustomerContact"),
        party("Consumer", UNKNOWN_ID),
        party("Consumer"),
        party(),
        party(id="other"),
    ]
    found = demo_references()
    other = msgspec.structs.replace(found.parties["account", ACCOUNT], id=id_of("other"))
    found = demo_references(parties={**found.parties, ("account", "other"): other})
    captured = _capture(order(relatedParty=parties), found)
    assert (captured.account_id, captured.consumer_id) == (id_of(ACCOUNT), id_of(CONSUMER))
    captured = _capture(order(relatedParty=parties[::-1]), found)
    assert (captured.account_id, captured.consumer_id) == (id_of("other"), id_of(CONSUMER))


def test_without_parties_nothing_is_resolved() -> None:
    captured = _capture(order(relatedParty=None))
    assert captured.account_id is captured.consumer_id is captured.related_parties is None


def test_a_type_is_kept_where_it_is_not_the_usual_one() -> None:
    assert _capture(order(**{"@type": "ProductOrder"})).extras is None
    special = _capture(order(x=None, **{"@type": "SpecialOrder"}))
    assert _read(special.extras) == {"@type": "SpecialOrder", "x": None}


def test_work_notes_stay_with_their_lines_and_values_may_go_unjudged() -> None:
    odd = [characteristic("Tenancy", "Gold"), characteristic("Colour", "red")]
    lines = [
        item("1"),
        item("2", product=product(CONTROLLER, productCharacteristic=odd)),
        item("3", product=product(EDGE_DEVICE)),
    ]
    captured = _capture(order(items=lines))
    assert [len(line.work_notes) for line in captured.line_items] == [0, 2, 0]
    assert captured.line_items[1].work_notes[0] == (
        "Order Item characteristic: Tenancy with characteristic value: Goldis invalid. Correct the "
        "characteristic values before approving the order."
    )
    assert captured.has_work_notes
    unjudged = _capture(order(items=lines), validate_characteristic_values=False)
    assert not unjudged.has_work_notes


# -- nothing is lost -------------------------------------------------------------------------------
def test_every_value_that_is_sent_is_kept() -> None:
    payload, values = full_order()
    captured = _capture(payload, References(catalog=demo_references(offerings=[]).catalog))
    kept = encode(captured).decode()
    assert len(values) > 80
    assert [value for value in values if value not in kept] == []


def test_ten_thousand_lines_in_one_chain_are_captured() -> None:
    lines = [
        item(str(number), productOrderItemRelationship=[related(str(number - 1))] if number else [])
        for number in range(10_000)
    ]
    captured = _capture(order(items=lines)).line_items
    ids = [line.id for line in captured]
    assert [line.parent_line_item_id for line in captured] == [None, *ids[:-1]]
