"""Bulks in the contract: its schemas and the code say the same, and who may is told."""

import msgspec
import pytest

from ordering.access.roles import MAY, Permission, Role
from ordering.domain.states import BulkState, LineOutcome
from ordering.inbound import bulk_batch
from ordering_rest.operations import bulk_view
from support import payloads
from support.api import Api
from support.bulks import BULK, NDJSON, lines
from support.contract import load_contract, read_values

CONTRACT = load_contract()

#: Schema, and the Struct that is shown.
SHOWN = {"Bulk": "_Bulk", "BulkEnd": "_End", "BulkResult": "_Result"}


@pytest.mark.parametrize("schema", SHOWN)
def test_schema_has_the_members_of_the_struct(schema: str) -> None:
    fields = msgspec.structs.fields(vars(bulk_view)[SHOWN[schema]])
    assert set(CONTRACT.properties(schema)) == {each.encode_name for each in fields}
    always = {each.encode_name for each in fields if each.required}
    assert set(CONTRACT.schema(schema).get("required", [])) == always


def test_enumerations_and_limits_are_those_of_the_code() -> None:
    assert CONTRACT.schema("BulkState")["enum"] == list(BulkState)
    assert CONTRACT.schema("BulkOutcome")["enum"] == list(LineOutcome)
    most = CONTRACT.properties("BulkResult")["errors"]["maxItems"]
    assert most == bulk_batch.MOST_PROBLEMS + 1


@pytest.mark.parametrize("operation", ["getBulk", "listBulkResults"])
def test_descriptions_name_the_roles_that_may(operation: str) -> None:
    described = CONTRACT.follow(CONTRACT.operations[operation].at)[1]["description"]
    told = described.partition("For the roles ")[2]
    assert {role for role in Role if f"`{role}`" in told} == MAY[Permission.READ_QUEUE]


async def test_an_interrupted_bulk_conforms(api: Api) -> None:
    headers = NDJSON | {"Idempotency-Key": "k"}
    await api.post(BULK, lines(payloads.order()), headers=headers)
    async with api.database.acquire() as connection:
        await connection.execute("UPDATE bulk SET state = 'interrupted'")
    answer = await api.post(BULK, lines(payloads.order(externalId="PO-1")), headers=headers)
    CONTRACT.check("createProductOrder", answer)
    end = read_values(answer)[-1]
    assert end["bulk"]["state"] == "interrupted"
    assert len(end["errors"]) == CONTRACT.properties("BulkEnd")["errors"]["maxItems"]
