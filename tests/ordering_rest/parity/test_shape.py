"""An order is shown alike by PostgreSQL, which makes JSON of rows, and by this process."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordering.domain.ids import new_id, show_id
from ordering.domain.order import (
    CharacteristicValue,
    ContactPerson,
    LineItem,
    Order,
    RelatedItem,
)
from ordering.domain.states import OrderState
from ordering.domain.timestamps import now
from ordering.domain.values import encode
from ordering.orders.reader import Branch, find_order, find_shown
from ordering.orders.rows import insert_orders
from ordering.orders.shapes import Constant, Member, Rows, Shape
from ordering_rest.fields import read_fields
from ordering_rest.parity.encoding import encoder_of
from ordering_rest.parity.view import View
from support.api import ORDERS, Api
from support.generated import any_json

_VALUES = (
    "product_offering",
    "product_specification",
    "place",
    "relationships",
    "item_prices",
    "external_product_inventory",
)
_FIELDS = (
    "none",
    "state,@type",
    "note.text,relatedParty",
    "productOrderItem.id",
    "productOrderItem.product.productCharacteristic.value",
    "productOrderItem.product.relatedParty,productOrderItem.product.@type",
    "productOrderItem.product.productRelationship,x",
)

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_texts = st.none() | _text | st.sampled_from(["", '"', "\\", "\x01\x7f\u2028", "é\U0001f600", "{}"])
_json = st.none() | any_json.map(lambda value: encode(value).decode())
_names = st.sampled_from(["@type", "@baseType", "x", "", 'a"b\\', "日本"]) | _text
_extras = st.none() | st.dictionaries(_names, any_json, max_size=3).map(
    lambda members: encode(members).decode()
)
_MOMENTS = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    datetime(2024, 2, 29, 1, 2, 3, 40_000, tzinfo=UTC),
)
_moments = st.none() | st.sampled_from(_MOMENTS)
_numbers = st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=3)
_tiny = st.sampled_from([Decimal("1E-9"), Decimal("1E+20"), Decimal("-0.10"), Decimal(0)])
_states = st.sampled_from(list(OrderState))

_characteristics = st.builds(
    CharacteristicValue,
    name=_texts,
    value=_json,
    value_type=_texts,
    previous_value=_json | st.sampled_from(["1", "1.0", "true", '"x"']),
    extras=_extras,
) | st.sampled_from(["1", "[1.0, true]", '{"a": "b", "c": null}']).map(
    lambda same: CharacteristicValue(value=same, previous_value=same)
)
_contacts = st.builds(
    ContactPerson,
    id=st.builds(new_id),
    extras=_extras,
    **dict.fromkeys(
        ("contact_id", "first_name", "last_name", "name", "email", "phone", "referred_type"), _texts
    ),
)
_related = st.builds(
    RelatedItem,
    related_id=_texts,
    relationship_type=_texts,
    product_inventory_id=st.none(),
    extras=_extras,
)


@st.composite
def _line_items(draw: st.DrawFn, position: int) -> LineItem:
    item = LineItem(
        id=new_id(),
        item_id=str(position),
        position=position,
        action=draw(st.sampled_from(["add", "change", "delete", "no_change"])),
        action_reason=draw(_texts),
        state=draw(_states),
        version=draw(st.integers(1, 2**31 - 1)),
        ponr=draw(st.booleans()),
        quantity=draw(_numbers | _tiny),
        committed_due_date=draw(_moments),
        product_id=draw(_texts),
        is_bundle=draw(st.none() | st.booleans()),
        product_extras=draw(_extras),
        extras=draw(_extras),
        characteristics=draw(st.lists(_characteristics, max_size=3)),
        contacts=draw(st.lists(_contacts, max_size=2)),
        related_items=draw(st.lists(_related, max_size=2)),
    )
    values = {name: draw(_json) for name in _VALUES}
    return msgspec.structs.replace(item, **values)


@st.composite
def _orders(draw: st.DrawFn) -> Order:
    moment = now()
    return Order(
        id=new_id(),
        state=draw(_states),
        version=draw(st.integers(1, 2**31 - 1)),
        ponr=draw(st.booleans()),
        external_id=draw(_texts),
        external_system=draw(_texts),
        order_currency=draw(st.none() | st.just("USD")),
        currency_code=draw(st.none() | st.just('"\\')),
        order_date=draw(_moments),
        requested_start_date=draw(_moments),
        requested_completion_date=draw(_moments),
        expected_completion_date=draw(_moments),
        committed_due_date=draw(_moments),
        channels=draw(_json),
        notes=draw(_json),
        related_parties=draw(_json),
        extras=draw(_extras),
        created_by="test",
        created_at=moment,
        updated_at=moment,
        line_items=[draw(_line_items(at)) for at in range(draw(st.integers(0, 2)))],
    )


def exact(content: bytes) -> Any:
    """Read JSON with its members in order, and numbers by their value."""

    def number(text: str) -> tuple[str, Decimal]:
        return "number", Decimal(text)

    return json.loads(content, object_pairs_hook=list, parse_int=number, parse_float=number)


async def store(api: Api, order: Order) -> Order:
    """Put an order into the tables, past all rules, and read it as the aggregate has it."""
    async with api.database.transaction() as connection:
        await insert_orders(connection, [order])
        stored = await find_order(connection, show_id(order.id), Branch.ALL)
    assert stored is not None
    return stored


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(order=_orders(), fields=st.sampled_from(_FIELDS))
async def test_what_is_read_is_what_is_made_of_the_order_in_memory(
    api: Api, order: Order, fields: str
) -> None:
    stored = await store(api, order)
    one = await api.get(f"{ORDERS}/{show_id(order.id)}")
    assert one.headers["etag"] == f'"{stored.tag}"'
    assert exact(one.content) == exact(View().encode(stored))
    listed = await api.get(ORDERS, limit=1, offset=(stored.number or 0) - 1)
    assert exact(listed.content) == [exact(one.content)]
    picked = await api.get(f"{ORDERS}/{show_id(order.id)}", fields=fields)
    assert exact(picked.content) == exact(View(fields=read_fields([fields])).encode(stored))


async def shown(api: Api, order: Order) -> Any:
    """Store an order, and show it as GET does; it is the same as POST and PATCH would show."""
    stored = await store(api, order)
    answer = await api.get(f"{ORDERS}/{show_id(order.id)}")
    assert exact(answer.content) == exact(View().encode(stored))
    return msgspec.json.decode(answer.content)


def smallest(**members: Any) -> Order:
    """Build an order with only what each has, and these members."""
    moment = now()
    order = Order(
        id=new_id(),
        state=OrderState.NEW,
        created_by="test",
        created_at=moment,
        updated_at=moment,
    )
    return msgspec.structs.replace(order, **members)


def line(**members: Any) -> LineItem:
    """Build a line with only what each has, and these members."""
    item = LineItem(id=new_id(), item_id="1", position=0, action="add", state=OrderState.NEW)
    return msgspec.structs.replace(item, **members)


async def product(api: Api, **members: Any) -> Any:
    """Show the product of an order's only line."""
    order = await shown(api, smallest(line_items=[line(**members)]))
    return order["productOrderItem"][0]["product"]


async def test_of_an_order_with_little_little_is_shown(api: Api) -> None:
    order = smallest()
    assert await shown(api, order) == {
        "id": show_id(order.id),
        "href": f"{ORDERS}/{show_id(order.id)}",
        "state": "new",
        "version": "1",
        "ponr": "false",
        "productOrderItem": [],
        "@type": "ProductOrder",
    }


async def test_of_a_line_with_little_little_is_shown(api: Api) -> None:
    order = await shown(api, smallest(line_items=[line(ponr=True, version=7)]))
    assert order["productOrderItem"] == [
        {
            "id": "1",
            "state": "new",
            "version": "7",
            "ponr": "true",
            "action": "add",
            "product": {"@type": "Product"},
            "@type": "ProductOrderItem",
        }
    ]


async def test_lines_are_shown_in_their_order(api: Api) -> None:
    lines = [line(item_id=str(at), position=at) for at in (2, 0, 10, 1)]
    order = await shown(api, smallest(line_items=lines))
    assert [each["id"] for each in order["productOrderItem"]] == ["0", "1", "2", "10"]


@pytest.mark.parametrize(
    ("extras", "ending"),
    [
        ('{"@type": "Special"}', {"@type": "Special"}),
        ('{"@type": null, "a": null}', {"@type": None, "a": None}),
        ('{"a": {"@type": "Special"}}', {"@type": "{usual}", "a": {"@type": "Special"}}),
        ("{}", {"@type": "{usual}"}),
    ],
)
async def test_a_kept_type_takes_the_place_of_the_usual_one(
    api: Api, extras: str, ending: dict[str, Any]
) -> None:
    contact = ContactPerson(id=new_id(), extras=extras)
    order = await shown(
        api,
        smallest(
            extras=extras,
            line_items=[line(extras=extras, product_extras=extras, contacts=[contact])],
        ),
    )
    item = order["productOrderItem"][0]
    for usual, entity, others in (
        ("ProductOrder", order, 6),
        ("ProductOrderItem", item, 6),
        ("Product", item["product"], 1),
        ("RelatedParty", item["product"]["relatedParty"][0], 1),
    ):
        expected = {name: usual if text == "{usual}" else text for name, text in ending.items()}
        assert dict([*entity.items()][others:]) == expected


async def test_what_has_no_type_of_its_own_gets_none(api: Api) -> None:
    found = await product(
        api,
        characteristics=[CharacteristicValue(extras='{"@type": "Special"}')],
        related_items=[RelatedItem(extras='{"b": []}'), RelatedItem()],
    )
    assert found == {
        "productCharacteristic": [{"@type": "Special"}],
        "productRelationship": [{"b": []}, {}],
        "@type": "Product",
    }


@pytest.mark.parametrize(
    ("value", "previous", "is_shown"),
    [
        ('"x"', '"x"', False),
        ("1.0", "1", False),
        ('{"a": [1e2], "b": null}', '{"b": null, "a": [100]}', False),
        ("null", "null", False),
        ("true", "1", True),
        ("[0]", "[false]", True),
        ("1", '"1"', True),
        ("[1]", "[1, 1]", True),
        ('{"a": 1}', '{"b": 1}', True),
        ("null", None, True),
        (None, "null", True),
        (None, None, True),
    ],
)
async def test_a_characteristic_is_shown_unless_it_stays_the_same(
    api: Api, value: str | None, previous: str | None, is_shown: bool
) -> None:
    changed = CharacteristicValue(name="n", value=value, previous_value=previous)
    found = await product(api, characteristics=[changed])
    assert len(found.get("productCharacteristic", [])) == is_shown


@pytest.mark.parametrize("sent", [None, "", "C-1"])
async def test_a_contact_without_an_id_is_shown_with_ours(api: Api, sent: str | None) -> None:
    contact = ContactPerson(id=new_id(), contact_id=sent, first_name="", referred_type="Contact")
    found = await product(api, contacts=[contact])
    assert found["relatedParty"] == [
        {
            "id": sent or show_id(contact.id),
            "firstName": "",
            "@type": "RelatedParty",
            "@referredType": "Contact",
        }
    ]


async def test_moments_are_shown_from_the_first_to_the_last(api: Api) -> None:
    first, last = (moment for moment in _MOMENTS if moment.year in (1, 9999))
    order = await shown(api, smallest(order_date=first, requested_start_date=last))
    assert order["orderDate"] == "0001-01-01T00:00:00.000Z"
    assert order["requestedStartDate"] == "9999-12-31T23:59:59.999Z"


async def test_numbers_keep_their_digits(api: Api) -> None:
    lines = [
        line(item_id=text, position=at, quantity=Decimal(text), item_prices=f'[{{"a": {text}}}]')
        for at, text in enumerate(["1", "1.50", "12345678901234567890.123456789", "-0.10"])
    ]
    order = smallest(line_items=lines)
    await shown(api, order)
    answer = await api.get(f"{ORDERS}/{show_id(order.id)}")
    for each in lines:
        assert f'"quantity":{each.item_id},' in answer.text
        assert f'{{"a": {each.item_id}}}' in answer.text


async def test_an_object_may_know_all_of_itself(api: Api) -> None:
    order = await store(api, smallest())
    shape = Shape((Member("currency", "order_currency"), Constant("@type", "Few")))
    async with api.database.acquire() as connection:
        found = await find_shown(connection, show_id(order.id), shape, Branch.NONE)
    assert found is not None
    assert found.json == encoder_of(shape)(order) == b'{"@type":"Few"}'


def test_a_face_shows_rows_as_objects_only() -> None:
    with pytest.raises(TypeError):
        encoder_of(Shape((Rows("workNote", "work_notes", Member("", "text")),)))
