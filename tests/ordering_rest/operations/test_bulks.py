"""Bulks shown: how far one is, what became of its lines, and who may see it."""

from typing import Any

import msgspec
import pytest

from ordering.access.roles import MAY, Permission, Role
from ordering_rest.operations import bulks
from support import payloads
from support.api import Api
from support.bulks import Answer, lines, send

BAD = payloads.removed(payloads.order(), "/relatedParty")
UNKNOWN = "/api/ordering/v1/bulk/00000000000000000000000000000000"


def mixed() -> bytes:
    known = payloads.order(externalId="PO-1")
    return lines(known, BAD, known, payloads.order(), b"", BAD)


async def results(api: Api, answer: Answer, **query: Any) -> list[dict[str, Any]]:
    response = await api.get(answer.end["bulk"]["results"], **query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in response.content.splitlines()]


async def test_a_bulk_is_shown_as_its_answer_ended(api: Api) -> None:
    answer = await send(api, mixed())
    bulk = answer.end["bulk"]
    shown = await api.get(bulk["href"])
    assert (shown.status_code, shown.json()) == (200, bulk)
    for moment in ("createdAt", "updatedAt", "endedAt"):
        assert bulk.pop(moment).endswith("Z")
    assert bulk == {
        "id": bulk["id"],
        "href": f"/api/ordering/v1/bulk/{bulk['id']}",
        "state": "finished",
        "initiatedBy": "order_integrator",
        "total": 5,
        "accepted": 2,
        "duplicates": 1,
        "refused": 2,
        "results": f"/api/ordering/v1/bulk/{bulk['id']}/results",
    }


async def test_a_bulk_that_is_being_received_is_shown_so(api: Api) -> None:
    async with api.services.accept_bulk.open("cpq") as intake:
        shown = await api.get(f"/api/ordering/v1/bulk/{intake.id.hex}")
        assert shown.json()["state"] == "receiving"
        assert "endedAt" not in shown.json()
        nothing = await api.get(shown.json()["results"])
        assert (nothing.status_code, nothing.content) == (200, b"")


async def test_results_are_those_that_were_answered(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await send(api, mixed())
    await send(api, mixed())
    assert await results(api, answer) == answer.results
    monkeypatch.setattr(bulks, "_PAGE", 2)
    assert await results(api, answer) == answer.results


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"outcome": "accepted"}, [1, 4]),
        ({"outcome": "duplicate"}, [3]),
        ({"outcome": "refused"}, [2, 6]),
        ({"after": 3}, [4, 6]),
        ({"after": 2, "outcome": "refused"}, [6]),
        ({"after": 2**63 - 1}, []),
    ],
)
async def test_results_can_be_chosen(api: Api, query: dict[str, Any], numbers: list[int]) -> None:
    answer = await send(api, mixed())
    assert [each["line"] for each in await results(api, answer, **query)] == numbers


async def test_all_that_is_wrong_with_a_query_is_told(api: Api) -> None:
    answer = await send(api, b"")
    for after in ("-1", "x", "", "1.0", str(2**63)):
        response = await api.get(answer.end["bulk"]["results"], after=after, outcome="failed")
        assert response.status_code == 400
        assert [each["detail"] for each in response.json()["errors"]] == [
            "after must be a whole number from 0 to 9223372036854775807",
            "outcome is none of accepted, duplicate, refused",
        ]


@pytest.mark.parametrize("path", [UNKNOWN, f"{UNKNOWN}/results", f"{UNKNOWN[:-1]}x"])
async def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    response = await api.get(path)
    assert response.status_code == 404
    assert response.json()["errors"] == [{"detail": "No bulk has this id", "pointer": ""}]


@pytest.mark.parametrize("role", Role)
async def test_who_may_read_the_queue_may_read_bulks(api: Api, role: Role) -> None:
    bulk = (await send(api, b"")).end["bulk"]
    expected = 200 if role in MAY[Permission.READ_QUEUE] else 403
    for path in (bulk["href"], bulk["results"]):
        assert (await api.get(path, role)).status_code == expected
        assert (await api.http.get(path)).status_code == 401


async def test_more_problems_than_are_kept_are_counted(api: Api) -> None:
    items = [payloads.item("1", action="sell") for _ in range(30)]
    answer = await send(api, lines(payloads.order(items=items)))
    errors = answer.results[0]["errors"]
    assert len(errors) == 21
    assert errors[0]["datapath"] == "/productOrderItem/0/action"
    assert errors[-1] == {"message": "and 39 more problems", "datapath": ""}
    assert await results(api, answer) == answer.results
