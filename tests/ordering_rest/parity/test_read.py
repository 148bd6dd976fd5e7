"""`GET order/productOrder` and `GET order/productOrder/{id}`."""

import re
from urllib.parse import urlencode

import msgspec
import pytest

from support import payloads
from support.api import ORDERS, Api
from support.counting import CountingDatabase


async def place(api: Api, *orders: payloads.Payload) -> list[str]:
    return [(await api.post(ORDERS, order)).json()["id"] for order in orders]


async def test_a_list_is_paged_by_creation(api: Api) -> None:
    ids = await place(api, *[payloads.order(externalId=f"PO-{n}") for n in range(5)])
    page = await api.get(ORDERS, limit=2, offset=2, state="new")
    assert page.status_code == 206
    assert [order["id"] for order in page.json()] == ids[2:4]
    assert page.headers["content-range"] == "items 3-4"
    assert page.headers["x-total-count"] == "5"
    assert f'<{ORDERS}?state=new&offset=4&limit=2>; rel="next"' in page.headers["link"]


async def test_a_whole_list_is_200(api: Api) -> None:
    ids = await place(api, payloads.order(), payloads.order())
    response = await api.get(ORDERS)
    assert response.status_code == 200
    assert [order["id"] for order in response.json()] == ids
    assert response.headers["content-range"] == "items 1-2"


@pytest.mark.parametrize(
    "query",
    [
        {"state": "completed"},
        {"state": "nonsense"},
        {"state": ""},
        {"externalId": "po-1"},
        {"externalId": ""},
        {"relatedParty.id": payloads.CONSUMER},
        {"relatedParty.id": payloads.UNKNOWN_ID},
        {"state": "new", "externalId": "PO-1", "relatedParty.id": payloads.CONSUMER},
        {"offset": "1"},
        {"offset": "9223372036854775807"},
    ],
    ids=str,
)
async def test_a_list_without_matches_is_404(api: Api, query: dict[str, str]) -> None:
    await place(api, payloads.order(externalId="PO-1"))
    response = await api.get(f"{ORDERS}?{urlencode(query)}")
    assert response.status_code == 404
    assert response.json()["code"] == 60
    assert [detail["message"] for detail in response.json()["details"]] == ["No orders match"]


async def test_bad_page_parameters_are_refused(api: Api) -> None:
    response = await api.get(ORDERS, limit=0, offset="x")
    assert response.status_code == 400
    assert response.json()["code"] == 28
    assert len(response.json()["details"]) == 2


async def test_filters_must_all_fit(api: Api) -> None:
    consumer = [payloads.party("Consumer")]
    first, second, third = await place(
        api,
        payloads.order(externalId="PO/1 ä"),
        payloads.order(externalId="PO/1 ä", relatedParty=consumer),
        payloads.order(externalId="PO-2"),
    )

    async def found(**query: str) -> list[str]:
        response = await api.get(f"{ORDERS}?{urlencode(query)}")
        return [order["id"] for order in response.json()]

    assert await found(externalId="PO/1 ä") == [first, second]
    assert await found(**{"relatedParty.id": payloads.ACCOUNT}) == [first, third]
    assert await found(**{"relatedParty.id": payloads.CONSUMER}, state="new") == [second]
    assert await found(**{"relatedParty.id": payloads.ACCOUNT}, externalId="PO-2") == [third]
    assert await found(unknown="PO-2", ExternalId="PO-2") == [first, second, third]


async def test_an_order_has_the_same_entity_tag_wherever_it_is_answered(api: Api) -> None:
    created = await api.post(ORDERS, payloads.order())
    shown = await api.get(created.headers["location"])
    picked = await api.get(created.headers["location"], fields="none")
    assert created.headers["etag"] == shown.headers["etag"] == picked.headers["etag"]
    assert re.fullmatch(r'"1-\d{13}"', shown.headers["etag"])


async def test_what_is_no_order_has_no_entity_tag(api: Api) -> None:
    queued = await api.post(f"{ORDERS}?mode=async", payloads.order())
    for path in (queued.headers["location"], f"{ORDERS}/nothing", ORDERS):
        assert "etag" not in (await api.get(path)).headers
    assert "etag" not in queued.headers


@pytest.mark.parametrize("text", ["nothing", payloads.UNKNOWN_ID, "a%00b", "%FF", "%F0%9F%98%80"])
async def test_an_unknown_order_is_404(api: Api, text: str) -> None:
    response = await api.get(f"{ORDERS}/{text}")
    assert response.status_code == 404
    assert [detail["message"] for detail in response.json()["details"]] == [
        "No order has this id or externalId"
    ]


@pytest.mark.parametrize("name", ["state", "externalId", "relatedParty.id"])
async def test_nul_in_a_filter_matches_nothing(api: Api, name: str) -> None:
    await place(api, payloads.order(externalId="new"))
    response = await api.get(f"{ORDERS}?{name}=ne%00w")
    assert response.status_code == 404
    assert [detail["message"] for detail in response.json()["details"]] == ["No orders match"]


@pytest.mark.parametrize("path", ["a%2Fb", "a/b", "..%2F..", "a%2F"])
async def test_a_slash_in_a_path_names_no_order(api: Api, path: str) -> None:
    (identity,) = await place(api, payloads.order(externalId="a/b"))
    response = await api.get(f"{ORDERS}/{path}")
    assert response.status_code == 404
    assert (response.json()["code"], response.json()["reason"]) == (60, "Resource not found")
    (found,) = (await api.get(ORDERS, externalId="a/b")).json()
    assert found["id"] == identity


async def test_unchanged_characteristics_are_not_shown(api: Api) -> None:
    line = payloads.product(
        payloads.EDGE_DEVICE,
        productCharacteristic=[
            payloads.characteristic("WAN Optimization", "Base", previousValue="Base"),
            payloads.characteristic("CPE Type", "Physical", previousValue="Virtual"),
            payloads.characteristic("Routing", "Premium"),
        ],
    )
    (identity,) = await place(api, payloads.order(items=[payloads.item(product=line)]))
    order = (await api.get(f"{ORDERS}/{identity}")).json()
    shown = order["productOrderItem"][0]["product"]["productCharacteristic"]
    assert [each["name"] for each in shown] == ["CPE Type", "Routing"]


async def test_a_type_of_its_own_is_kept(api: Api) -> None:
    sent = payloads.order(**{"@type": "MyOrder"})
    (identity,) = await place(api, sent)
    assert (await api.get(f"{ORDERS}/{identity}")).json()["@type"] == "MyOrder"


async def test_reading_takes_the_same_statements_whatever_there_is(api: Api) -> None:
    many = payloads.order(items=[payloads.item(str(n)) for n in range(300)])
    small, large = await place(api, payloads.order(), many)
    counts: list[int] = []
    for path in (f"{ORDERS}/{small}", f"{ORDERS}/{large}", ORDERS, f"{ORDERS}?limit=1"):
        counting = CountingDatabase(api.database)
        services = api.services
        api.app.state.services = msgspec.structs.replace(services, database=counting)
        try:
            assert (await api.get(path)).status_code in (200, 206)
        finally:
            api.app.state.services = services
        counts.append(len(counting.statements))
    assert counts == [1, 1, 1, 1]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused(api: Api, method: str) -> None:
    response = await api.http.request(method, ORDERS, auth=("admin", "x"))
    assert response.status_code == 405
    assert response.json()["code"] == 61
    assert "POST" in response.headers["allow"]


async def test_unknown_paths_answer_in_the_error_shape_of_their_face(api: Api) -> None:
    parity = await api.get("/api/sn_ind_tmt_orm/nothing")
    assert (parity.status_code, parity.json()["code"]) == (404, 60)
    other = await api.get("/nothing")
    assert other.status_code == 404
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json() == {"title": "Not Found", "status": 404}
