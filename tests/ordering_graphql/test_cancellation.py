"""GraphQL shows what was asked for when an order was to be canceled."""

from support import payloads
from support.api import ORDERS, Api

QUERY = """
query ($id: ID!) { order(id: $id) { state version cancellationReason requestedCancellationDate } }
"""


async def test_reason_and_date_of_a_cancellation_are_shown(api: Api) -> None:
    identity = (await api.post(ORDERS, payloads.order())).json()["id"]
    assert (await api.graphql(QUERY, id=identity))["data"]["order"] == {
        "state": "new",
        "version": 1,
        "cancellationReason": None,
        "requestedCancellationDate": None,
    }
    async with api.database.acquire() as connection:
        await connection.execute("UPDATE customer_order SET state = 'on_hold'")
    response = await api.post(
        "/api/sn_ind_tmt_orm/cancelproductorder",
        {
            "productOrder": {"id": identity},
            "cancellationReason": "Duplicate order",
            "requestedCancellationDate": "2019-04-30T12:56:21.931Z",
        },
    )
    assert response.status_code == 200
    assert (await api.graphql(QUERY, id=identity))["data"]["order"] == {
        "state": "assessing_cancellation",
        "version": 2,
        "cancellationReason": "Duplicate order",
        "requestedCancellationDate": "2019-04-30T12:56:21.931Z",
    }
