"""Variables that are null, or not sent, where a literal could not be."""

from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from support import payloads
from support.asking import Ask
from support.placed import place


@pytest.mark.parametrize(
    "query",
    [
        "query ($v: OrderSort = UPDATED_ASC) { orders(orderBy: $v) { totalCount } }",
        'query ($v: ID = "x") { node(id: $v) { id } }',
        'query ($v: ID = "x") { orders(filter: {id: {in: [$v]}}) { totalCount } }',
        "query ($v: OrderFilter = {ponr: true}) { orders(filter: {and: [$v]}) { totalCount } }",
        "query ($v: Boolean = true) { orders @include(if: $v) { totalCount } }",
    ],
)
async def test_null_is_refused_where_nothing_may_be_null(ask: Ask, query: str) -> None:
    answer = await ask(query, v=None)
    assert "data" not in answer
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "InvalidDocument"}
    assert "$v" in error["message"]
    assert "errors" not in await ask(query)


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("DateTime", "2021-05-02T08:13:59.506Z"),
        ("OrderSort", "CREATED_ASC"),
        ("OrderFilter", {"createdAt": {"gt": "2021-05-02T08:13:59.506Z"}}),
    ],
)
async def test_any_variable_may_stand_in_json(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper, kind: str, sent: Any
) -> None:
    product = payloads.product(productCharacteristic=[payloads.characteristic("x", {"a": sent})])
    await place(demo_database, keeper, payloads.order(items=[payloads.item(product=product)]))
    fits = "{lineItem: {characteristic: {value: {a: $v}}}}"
    query = f"query ($v: {kind}) {{ orders(filter: {fits}) {{ totalCount }} }}"
    assert (await ask(query, v=sent))["data"] == {"orders": {"totalCount": 1}}


async def test_json_may_be_as_deep_as_a_body(ask: Ask) -> None:
    deep: Any = {}
    for _ in range(700):
        deep = {"a": deep}
    query = (
        "query ($v: JSON) { orders(filter: {lineItem: {characteristic: {value: $v}}})"
        " { totalCount } }"
    )
    assert (await ask(query, v=deep))["data"] == {"orders": {"totalCount": 0}}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("{a: 1, b: $v}", ["whole"]),
        ("[1, $v]", ["null"]),
        (r'"\\u0000"', ["backslash"]),
        (r'"\u0000"', []),
        ("[1, 1e400]", []),
        (f"[1, {'9' * 1_900}]", []),
    ],
)
async def test_json_of_filters_is_taken_as_it_is(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper, value: str, found: list[str]
) -> None:
    values: dict[str, Any] = {"whole": {"a": 1.0}, "null": [1, None], "backslash": "\\u0000"}
    await place(
        demo_database,
        keeper,
        *(
            payloads.order(
                externalId=name,
                items=[
                    payloads.item(
                        product=payloads.product(
                            productCharacteristic=[payloads.characteristic("x", each)]
                        )
                    )
                ],
            )
            for name, each in values.items()
        ),
    )
    fits = f"{{lineItem: {{characteristic: {{value: {value}}}}}}}"
    declared = "($v: JSON)" if "$v" in value else ""
    answer = await ask(
        f"query {declared} {{ orders(filter: {fits}) {{ nodes {{ externalId }} }} }}"
    )
    assert [node["externalId"] for node in answer["data"]["orders"]["nodes"]] == found
