"""Whatever REST accepted GraphQL shows: an order is read by both, and compared member by member."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import msgspec
from hypothesis import HealthCheck, given, settings

from ordering.access.roles import Role
from support.api import ORDERS, Api
from support.generated import same
from support.payloads import Payload, to_json
from support.placeable import placeable
from support.sources import ROOT

_ITEM = "/productOrderItem/*"
_LINE = "lineItems(first: 5000)/nodes/*"
_PRICE = f"{_ITEM}/itemPrice/*"
_COST = f"{_LINE}/prices/*"


def _names(rest: str, graphql: str, *plain: str, **others: str) -> dict[str, str]:
    """Map members of an object; `others` have another name in GraphQL, `at_` stands for `@`."""
    renamed = {name.replace("at_", "@"): to for name, to in others.items()}
    names = {**{name: name for name in plain}, **renamed}
    return {f"{rest}/{one}": f"{graphql}/{other}".lstrip("/") for one, other in names.items()}


_REFERENCE = ("name", "version", "internalVersion", "internalId")
#: From a pointer into the REST answer to the path in the GraphQL answer.
SHOWN = {
    **_names("", "", "id", "externalId", "externalSystem", "state", "version", "ponr"),
    **_names("", "", "orderCurrency", "currencyCode", "orderDate", "requestedStartDate"),
    **_names("", "", "requestedCompletionDate", "expectedCompletionDate", "committedDueDate"),
    **_names("/channel/*", "channels/*", "name", id="channelId"),
    **_names("/note/*", "notes/*", "author", "date", "text", id="noteId"),
    **_names(
        "/relatedParty/*",
        "relatedParties/*",
        "name",
        id="partyId",
        at_type="typeName",
        at_referredType="referredType",
    ),
    **_names(_ITEM, _LINE, "action", "actionReason", "committedDueDate", "ponr", "quantity"),
    **_names(_ITEM, _LINE, "state", "version", id="itemId"),
    **_names(
        f"{_ITEM}/externalProductInventory/*",
        f"{_LINE}/externalInventories/*",
        "externalProductInventoryId",
    ),
    **_names(_PRICE, _COST, "name", "description", "priceType", "recurringChargePeriod"),
    **_names(f"{_PRICE}/price", f"{_COST}/price", "taxRate"),
    **_names(f"{_PRICE}/price/dutyFreeAmount", f"{_COST}/price/dutyFreeAmount", "unit", "value"),
    **_names(
        f"{_PRICE}/price/taxIncludedAmount", f"{_COST}/price/taxIncludedAmount", "unit", "value"
    ),
    **_names(f"{_ITEM}/product", f"{_LINE}/product", "isBundle", id="productId"),
    **_names(f"{_ITEM}/product/place", f"{_LINE}/place", id="placeId", at_type="typeName"),
    **_names(
        f"{_ITEM}/product/productCharacteristic/*",
        f"{_LINE}/characteristics/*",
        "name",
        "value",
        "previousValue",
        "valueType",
    ),
    **_names(
        f"{_ITEM}/product/productRelationship/*",
        f"{_LINE}/relatedItems/*",
        "relationshipType",
        id="relatedId",
    ),
    **_names(
        f"{_ITEM}/product/productSpecification",
        f"{_LINE}/specification",
        *_REFERENCE,
        id="specificationId",
        at_type="typeName",
    ),
    **_names(
        f"{_ITEM}/productOffering",
        f"{_LINE}/offering",
        *_REFERENCE,
        id="offeringId",
        at_type="typeName",
    ),
    **_names(
        f"{_ITEM}/product/relatedParty/*",
        f"{_LINE}/contacts/*",
        *("name", "firstName", "lastName", "email", "phone"),
        id="contactId",
        at_referredType="referredType",
    ),
    **_names(
        f"{_ITEM}/productOrderItemRelationship/*",
        f"{_LINE}/relationships/*",
        "relationshipType",
        id="itemId",
    ),
}
#: Members that are the same for every object, or a way to write another one.
LEFT_OUT = {
    "/@type",
    "/href",
    f"{_ITEM}/@type",
    f"{_ITEM}/product/@type",
    f"{_ITEM}/product/relatedParty/*/@type",
    f"{_ITEM}/product/relatedParty/*/type",
    "/relatedParty/*/type",
}

_decoder = msgspec.json.Decoder(float_hook=Decimal)


def _leaves(schemas: Any, node: Any, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """List the pointers of everything that a schema describes."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from _leaves(schemas, schemas[name], (*seen, name))
        return
    for part in (each for name in ("allOf", "anyOf", "oneOf") for each in node.get(name, ())):
        yield from _leaves(schemas, part, seen)
    if "items" in node:
        yield from (f"/*{pointer}" for pointer in _leaves(schemas, node["items"], seen))
    for name, inner in node.get("properties", {}).items():
        yield from (f"/{name}{pointer}" for pointer in list(_leaves(schemas, inner, seen)) or [""])


def test_every_member_of_the_contract_is_shown_or_left_out_on_purpose() -> None:
    contract = (ROOT / "openapi/product-ordering.yaml").read_bytes()
    schemas: Any = msgspec.yaml.decode(contract)["components"]["schemas"]
    assert set(_leaves(schemas, schemas["ProductOrder"])) == set(SHOWN) | LEFT_OUT


def _query() -> str:
    """Write the query for everything that is shown."""
    tree: Payload = {}
    for path in SHOWN.values():
        branch = tree
        for step in path.split("/"):
            if step != "*":
                branch = branch.setdefault(step, {})

    def written(branch: Payload) -> str:
        return " ".join(
            f"{name} {{ {written(inner)} }}" if inner else name for name, inner in branch.items()
        )

    return f"query ($id: ID!) {{ order(id: $id) {{ {written(tree)} }} }}"


def _found(value: Any, steps: list[str]) -> list[Any]:
    """List what is found under a path; None where something is absent."""
    if not steps:
        return [value]
    step, *rest = steps
    if step == "*":
        return [one for each in value or () for one in _found(each, rest)]
    inner = cast("Payload", value).get(step.partition("(")[0]) if value else None
    return _found(inner, rest)


def _as_rest(value: Any, pointer: str) -> Any:
    """Write a value of GraphQL as REST has it."""
    name = pointer.rpartition("/")[2]
    if value is None:
        return None
    if name == "ponr":
        return "true" if value else "false"
    if name == "version" and isinstance(value, int):
        return str(value)
    decimal = name in ("quantity", "taxRate") or pointer.endswith("Amount/value")
    return Decimal(value) if decimal else value


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(order=placeable())
async def test_what_rest_accepted_is_shown(api: Api, order: Payload) -> None:
    created = await api.post(ORDERS, to_json(order))
    assert created.status_code == 201, created.text
    rest = _decoder.decode((await api.get(created.headers["location"])).content)
    body = {"query": _query(), "variables": {"id": rest["id"]}}
    answered = await api.post("/graphql", body, Role.ORDER_VIEWER)
    answer = _decoder.decode(answered.content)
    assert "errors" not in answer, answer
    different = [
        pointer
        for pointer, path in SHOWN.items()
        for ours, theirs in zip(
            _found(rest, pointer[1:].split("/")),
            _found(answer["data"]["order"], path.split("/")),
            strict=True,
        )
        if not same(ours, _as_rest(theirs, pointer))
    ]
    assert different == []
