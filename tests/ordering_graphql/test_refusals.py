"""GraphQL: what is asked too much, what is asked wrongly, and what cannot be answered now."""

import asyncio
from typing import Any

import pytest
from graphql import GraphQLError

from ordering.access.roles import Role
from ordering_graphql import limits
from support.api import Api

TWO = "query a { orders { totalCount } } query b { __typename }"


def chain(length: int, spreads: int) -> str:
    """Build fragments of which each spreads the next so many times."""
    parts = [
        f"fragment f{number} on Query {{ {f'...f{number + 1} ' * spreads} }}"
        for number in range(length)
    ]
    return " ".join(["{ ...f0 }", *parts, f"fragment f{length} on Query {{ __typename }}"])


async def ask(api: Api, query: str, **members: object) -> Any:
    return await api.post("/graphql", {"query": query, **members}, Role.ORDER_VIEWER)


def only_message(response: Any) -> str:
    (error,) = response.json()["errors"]
    return error["message"]


async def test_a_large_body_is_refused(api: Api) -> None:
    response = await ask(api, "{ __typename }" + " " * limits.MAX_BODY_BYTES)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "errors": [
            {
                "message": f"Request body is larger than {limits.MAX_BODY_BYTES} bytes",
                "extensions": {"code": "TooLarge"},
            }
        ]
    }


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ orders { nodes {" + " id" * limits.MAX_TOKENS + " } } }", "more than 2000 tokens"),
        (
            "{" + "".join(f" a{n}: __typename" for n in range(limits.MAX_ALIASES + 1)) + " }",
            "many aliases",
        ),
        (
            "{ " + "... { " * limits.MAX_DEPTH + "orders { totalCount }" + " }" * 17,
            "many levels",
        ),
        ("{ orders { totalCount" + " @skip(if: false)" * 51 + " } }", "too many directives"),
        ("{ orders { nodes {" + " id" * limits.MAX_FIELDS + " } } }", "too many fields"),
        (chain(limits.MAX_DEPTH + 2, spreads=1), "too many levels"),
    ],
)
async def test_what_asks_too_much_is_refused(api: Api, query: str, told: str) -> None:
    response = await ask(api, query)
    assert response.status_code == 200
    assert "data" not in response.json()
    assert told in only_message(response)


async def test_fragments_that_double_are_refused_in_no_time(api: Api) -> None:
    async with asyncio.timeout(5):
        response = await ask(api, chain(100, spreads=2))
    assert "too many levels" in response.json()["errors"][0]["message"]


async def test_fragments_count_as_often_as_they_are_spread(api: Api) -> None:
    response = await ask(api, chain(8, spreads=3))
    assert only_message(response) == "The document has too many fields; allowed are 500"
    assert "errors" not in (await ask(api, chain(8, spreads=2))).json()


SAME = "lineItems { totalCount }"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (
            f"{{ order(id: 1) {{ {SAME * 51} }} }}",
            ["The document has too many fields of the same name"],
        ),
        (f"{{ {'a' * 65}: __typename }}", ["An alias may have 64 letters, and one has more"]),
        (
            "{ __typename } fragment f on Query { ...g } fragment g on Query { ...f nope }",
            ["Fragment 'f' is never used.", "Fragment 'g' is never used."],
        ),
    ],
)
async def test_what_takes_long_to_validate_is_refused_before(
    api: Api, monkeypatch: pytest.MonkeyPatch, query: str, told: list[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("validated")

    monkeypatch.setattr("ordering_graphql.documents.validate", fail)
    errors = (await ask(api, query)).json()["errors"]
    assert [error["message"] for error in errors] == told


MANY = "9" * 5_000


async def test_errors_are_short_and_tell_nothing_of_our_code(api: Api) -> None:
    message = only_message(await ask(api, f"{{ orders(first: {MANY}) {{ totalCount }} }}"))
    told = "Expected value of type 'Int', but encountered error 'not readable'; found: "
    assert message == f"{told}{MANY}"[:300] + "…"


async def test_a_document_with_errors_is_validated_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "{ nothing }"
    first = (await ask(api, query)).json()
    assert first["errors"][0]["locations"] == [{"line": 1, "column": 3}]

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("validated")

    monkeypatch.setattr("ordering_graphql.documents.validate", fail)
    assert (await ask(api, query)).json() == first


@pytest.mark.parametrize(
    "query", [f"{{ {'a' * 64}: __typename }}", "{" + " id: __typename" * 25 + "}"]
)
async def test_what_validates_quickly_is_answered(api: Api, query: str) -> None:
    assert "errors" not in (await ask(api, query)).json()


@pytest.mark.parametrize(
    ("query", "variables", "told"),
    [
        ("query ($n: Int!) { orders(first: $n) { totalCount } }", {}, "Variable '$n' has invalid"),
        ("query ($n: Int) { orders(first: $n) { totalCount } }", {"n": "x"}, "non-integer"),
        ("{", None, "Syntax Error"),
        ("{ ...nope }", None, "Unknown fragment 'nope'."),
        ("{ ...f } fragment f on Query { ...f }", None, "Cannot spread fragment 'f' within"),
    ],
)
async def test_errors_of_the_request_are_told(
    api: Api, query: str, variables: object, told: str
) -> None:
    response = await ask(api, query, variables=variables)
    assert response.status_code == 200
    assert told in only_message(response)


@pytest.mark.parametrize(
    ("query", "name", "told"),
    [
        ("", None, "Syntax Error: Unexpected <EOF>."),
        ("fragment f on Query { __typename }", None, "Fragment 'f' is never used."),
        ("{ __typename }", "other", 'The document has no operation "other"'),
        (TWO, None, "The document has several operations: say which"),
    ],
)
async def test_nothing_to_run_is_told(api: Api, query: str, name: str | None, told: str) -> None:
    response = await ask(api, query, operationName=name)
    assert response.status_code == 200
    assert "data" not in response.json()
    assert told in only_message(response)


async def test_the_operation_that_is_named_is_run(api: Api) -> None:
    assert (await ask(api, TWO, operationName="b")).json()["data"] == {"__typename": "Query"}


async def test_introspection_takes_variables_as_they_were_sent(api: Api) -> None:
    query = """query ($o: OrderSort = CREATED_ASC, $at: DateTime) { __schema { queryType { name } }
      orders(orderBy: $o, filter: {createdAt: {gt: $at}}) @skip(if: true) { totalCount } }"""
    for sent in ({}, {"o": "UPDATED_ASC", "at": "2021-05-02T08:13:59Z"}):
        answer = (await ask(api, query, variables=sent)).json()
        assert answer == {"data": {"__schema": {"queryType": {"name": "Query"}}}}


async def test_errors_of_our_code_are_hidden_whatever_their_type(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise GraphQLError("secret detail")

    monkeypatch.setattr("ordering_graphql.engine.Engine.run", fail)
    assert only_message(await ask(api, '{ order(id: "x") { id } }')) == "Internal error"


async def test_a_database_that_is_away_is_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise ConnectionResetError("secret detail")

    monkeypatch.setattr("ordering_graphql.engine.Engine.run", fail)
    response = await ask(api, '{ order(id: "x") { id } }')
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    (error,) = response.json()["errors"]
    assert error["message"].startswith("The database does not answer")
    assert error["extensions"] == {"code": "Retryable"}
