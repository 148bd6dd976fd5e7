"""Any order that may be placed: GET answers all of it, member by member."""

from decimal import Decimal
from typing import Any, cast

import msgspec
from hypothesis import HealthCheck, given, settings

from support.api import ORDERS, Api
from support.generated import ORDER, Leaf, normal, same
from support.payloads import Payload, to_json
from support.placeable import placeable

_decoder = msgspec.json.Decoder(float_hook=Decimal)


#: Members that the service fills in where they are empty.
COMPLETED = {"@type", "author", "name", "valueType"}


_settled = settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


def missing(sent: Payload, answered: Payload, shape: dict[str, Any], at: str = "") -> list[str]:
    """List the pointers of what was sent and is not answered, or otherwise."""
    found: list[str] = []
    for name, value in normal(sent, shape).items():
        kind = shape.get(name)
        pointer = f"{at}/{name}"
        if kind is Leaf.IGNORED or value in ([], {}) or (name in COMPLETED and value == ""):
            continue
        if name not in answered:
            found.append(pointer)
        elif isinstance(kind, list):
            inner = cast("list[dict[str, Any]]", kind)[0]
            pairs = zip(value, answered[name], strict=True)
            found += [
                one
                for number, (ours, theirs) in enumerate(pairs)
                for one in missing(ours, theirs, inner, f"{pointer}/{number}")
            ]
        elif isinstance(kind, dict):
            found += missing(value, answered[name], cast("dict[str, Any]", kind), pointer)
        elif not same(value, answered[name]):
            found.append(pointer)
    return found


@_settled
@given(order=placeable())
async def test_what_was_placed_comes_back(api: Api, order: Payload) -> None:
    created = await api.post(ORDERS, to_json(order))
    assert created.status_code == 201, created.text
    answered = await api.get(created.headers["location"])
    assert answered.status_code == 200
    shown = _decoder.decode(answered.content)
    assert same(shown, _decoder.decode(created.content))
    assert missing(order, shown, ORDER) == []


@_settled
@given(order=placeable())
async def test_what_was_read_and_is_sent_back_changes_nothing(api: Api, order: Payload) -> None:
    created = await api.post(ORDERS, to_json(order))
    location = created.headers["location"]
    async with api.database.acquire() as connection:
        await connection.execute("UPDATE customer_order SET state = 'in_progress'")
        await connection.execute("UPDATE order_line_item SET state = 'in_progress'")
    read = await api.get(location)
    revised = await api.patch(location, read.content)
    assert revised.status_code == 201, revised.text
    async with api.database.acquire() as connection:
        changes = await connection.fetchval(
            "SELECT changes::text FROM order_revision WHERE operation = 'update'"
            " ORDER BY id DESC LIMIT 1"
        )
    assert changes == "{}"
    again = _decoder.decode((await api.get(location)).content)
    assert same(again, _decoder.decode(read.content) | {"version": "2"})
