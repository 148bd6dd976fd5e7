"""Every example of a request, executed, and the links of the answers followed."""

import msgspec
import pytest

from ordering.access.roles import Role
from support.api import DEPRECATED, ORDERS, Api
from support.contract import drain, load_contract
from support.links import follow
from support.provoke import moved, placed, small

CONTRACT = load_contract()

ORDER_EXAMPLES = CONTRACT.request_examples("createProductOrder")
DEPRECATED_EXAMPLES = CONTRACT.request_examples("createDeprecatedProductOrder")
REVISIONS = CONTRACT.request_examples("reviseProductOrder")
CANCELLATIONS = CONTRACT.request_examples("cancelProductOrder")
TRANSITIONS = CONTRACT.request_examples("moveProductOrder")


# -- orders ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ORDER_EXAMPLES)
async def test_order_example_is_created_and_its_link_leads_to_it(api: Api, name: str) -> None:
    created = await api.post(ORDERS, ORDER_EXAMPLES[name])
    assert created.status_code == 201, created.text
    found = await follow(api, "createProductOrder", created, "GetCreated")
    assert found.json() == created.json()
    assert found.headers["etag"] == created.headers["etag"]
    assert (await api.get(created.headers["location"])).json() == created.json()


@pytest.mark.parametrize("name", ORDER_EXAMPLES)
async def test_order_example_is_queued_and_its_link_leads_to_it(api: Api, name: str) -> None:
    accepted = await api.post(f"{ORDERS}?mode=async", ORDER_EXAMPLES[name])
    assert accepted.status_code == 202, accepted.text
    queued = await follow(api, "createProductOrder", accepted, "GetAccepted")
    assert queued.json()["code"] == 102
    assert queued.headers["retry-after"] == "1"
    assert "etag" not in queued.headers
    assert await drain(api) == 1
    found = await follow(api, "createProductOrder", accepted, "GetAccepted")
    assert found.json()["id"] == accepted.json()["orderId"]
    assert "retry-after" not in found.headers


@pytest.mark.parametrize("name", DEPRECATED_EXAMPLES)
async def test_deprecated_example_is_created_and_its_link_leads_to_it(api: Api, name: str) -> None:
    created = await api.post(DEPRECATED, DEPRECATED_EXAMPLES[name])
    assert created.status_code == 201, created.text
    found = await follow(api, "createDeprecatedProductOrder", created, "GetCreated")
    assert found.json() == created.json()
    assert (await api.get(created.headers["location"])).json() == created.json()
    now = await api.get(f"{ORDERS}/{created.json()['id']}")
    assert now.json()["orderCurrency"] == "USD"


# -- changes of orders -----------------------------------------------------------------------------
@pytest.mark.parametrize("operation", ["reviseProductOrder", "reviseDeprecatedProductOrder"])
@pytest.mark.parametrize("name", REVISIONS)
async def test_revision_example_is_accepted(api: Api, operation: str, name: str) -> None:
    identity = await placed(api, ORDER_EXAMPLES["ExtendedOrder"])
    await moved(api, identity, "approve", "start")
    path = CONTRACT.operations[operation].path.replace("{id}", identity)
    revised = await api.patch(path, REVISIONS[name])
    assert revised.status_code == 201, revised.text
    found = await follow(api, operation, revised, "GetRevised")
    assert found.json() == revised.json()
    assert found.json()["version"] == "2"
    assert found.headers["etag"] == revised.headers["etag"]


async def test_extended_revision_changes_what_it_says(api: Api) -> None:
    identity = await placed(api, ORDER_EXAMPLES["ExtendedOrder"])
    await moved(api, identity, "approve", "start")
    before = (await api.get(f"{ORDERS}/{identity}")).json()
    after = (await api.patch(f"{ORDERS}/{identity}", REVISIONS["ExtendedRevision"])).json()
    said = REVISIONS["ExtendedRevision"]
    assert after["externalId"] == said["externalId"]
    assert after["orderDate"] == before["orderDate"]
    assert [note["text"] for note in after["note"]] == ["Ring twice", "Use the back door"]
    assert [each["id"] for each in after["channel"]] == ["3"]
    assert [each["id"] for each in after["relatedParty"]] == [said["relatedParty"][0]["id"]]
    lines = {line["id"]: line for line in after["productOrderItem"]}
    assert {name: line["version"] for name, line in lines.items()} == {
        "line-1": "2", "line-2": "2", "line-3": "1"
    }  # fmt: skip
    assert lines["line-1"]["quantity"] == 2
    assert lines["line-2"]["state"] == "cancellation_in_progress"
    (contact,) = lines["line-1"]["product"]["relatedParty"]
    assert (contact["phone"], contact["email"]) == ("5550199", "ada@example.com")
    speed, address = lines["line-1"]["product"]["productCharacteristic"]
    assert (speed["value"], address["value"]) == ("1 Gbit/s", True)


@pytest.mark.parametrize("name", CANCELLATIONS)
async def test_cancellation_example_is_taken_up(api: Api, name: str) -> None:
    identity = await placed(api)
    await moved(api, identity, "approve", "start")
    example = msgspec.json.encode(CANCELLATIONS[name]).decode()
    shown = CANCELLATIONS[name]["productOrder"]["id"]
    path = CONTRACT.operations["cancelProductOrder"].path
    canceled = await api.post(path, example.replace(shown, identity).encode())
    assert canceled.status_code == 200, canceled.text
    found = await follow(api, "cancelProductOrder", canceled, "GetCanceled")
    assert (found.json()["state"], found.json()["version"]) == ("assessing_cancellation", "2")


async def test_transition_examples_are_accepted_one_after_another(api: Api) -> None:
    identity = await placed(api)
    path = CONTRACT.operations["moveProductOrder"].path.replace("{id}", identity)
    approved = await api.post(path, TRANSITIONS["Approval"], Role.ORDER_FULFILMENT)
    assert approved.status_code == 200, approved.text
    await moved(api, identity, "start")
    reported = await api.post(path, TRANSITIONS["LineReport"], Role.ORDER_FULFILMENT)
    assert reported.status_code == 200, reported.text
    found = await follow(api, "moveProductOrder", reported, "GetMoved")
    assert found.json()["ponr"] == "true"


async def test_links_lead_through_the_life_of_an_order(api: Api) -> None:
    created = await api.post(ORDERS, small())
    await moved(api, created.json()["id"], "approve", "start")
    revised = await follow(api, "createProductOrder", created, "ReviseCreated")
    again = await follow(api, "reviseProductOrder", revised, "ReviseAgain")
    assert again.json()["version"] == "3"
    canceled = await follow(api, "reviseProductOrder", again, "CancelRevised")
    assert (await follow(api, "cancelProductOrder", canceled, "GetCanceled")).json()["state"] == (
        "assessing_cancellation"
    )


async def test_links_lead_through_the_life_of_an_order_on_the_deprecated_paths(api: Api) -> None:
    created = await api.post(DEPRECATED, small())
    await moved(api, created.json()["id"], "approve", "start")
    operation = "createDeprecatedProductOrder"
    revised = await follow(api, operation, created, "ReviseCreated")
    await follow(api, "reviseDeprecatedProductOrder", revised, "ReviseAgain")
    passed = await follow(api, operation, created, "MoveCreated")
    assert passed.json()["ponr"] is True


# -- lists -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("operation", ["listProductOrders", "listDeprecatedProductOrders"])
async def test_parameter_examples_are_answered_and_the_link_of_the_list_is_followed(
    api: Api, operation: str
) -> None:
    await placed(api, small(externalId="WEB-2042"))
    query = CONTRACT.query_examples(operation)
    assert query == {
        "externalId": "WEB-2042",
        "fields": "id,state,version",
        "limit": 20,
        "offset": 0,
        "relatedParty.id": "59f16de1c3b67110ff00ed23a140dd9e",
        "state": "new",
    }
    listed = await api.get(CONTRACT.operations[operation].path, **query)
    assert listed.status_code == 200, listed.text
    (shown,) = listed.json()
    assert shown.keys() - {"href"} == {"id", "state", "version"}
    found = await follow(api, operation, listed, "GetFirst")
    assert found.json()["externalId"] == "WEB-2042"


async def test_pages_name_their_neighbours(api: Api) -> None:
    for _ in range(5):
        await placed(api)
    page = await api.get(ORDERS, limit=2, offset=2, state="new")
    assert page.status_code == 206
    CONTRACT.check("listProductOrders", page)
    assert page.headers["content-range"] == "items 3-4"
    assert page.headers["x-total-count"] == "5"
    assert {rel: link["url"] for rel, link in page.links.items()} == {
        "first": f"{ORDERS}?state=new&offset=0&limit=2",
        "last": f"{ORDERS}?state=new&offset=4&limit=2",
        "next": f"{ORDERS}?state=new&offset=4&limit=2",
        "previous": f"{ORDERS}?state=new&offset=0&limit=2",
    }
    behind = await api.get(ORDERS, offset=5)
    assert behind.status_code == 404
    CONTRACT.check("listProductOrders", behind)


async def test_more_problems_than_are_shown_are_counted(api: Api) -> None:
    response = await api.post(ORDERS, small(productOrderItem=[{"id": ""}] * 400))
    assert response.status_code == 400
    CONTRACT.check("createProductOrder", response)
    details = response.json()["details"]
    assert len(details) == 501
    assert details[-1] == {"message": "and 700 more problems", "datapath": ""}
