"""Idempotency keys and the answers kept under them."""

from uuid import UUID

import pytest

from ordering.db.engine import Database
from ordering.domain.errors import KeyInUseError, KeyReusedError
from ordering.domain.ids import new_id
from ordering.orders.idempotency import (
    Answer,
    AnsweredError,
    Kept,
    RequestKey,
    RequestKeys,
    claim_keys,
    keep_answers,
)

ANSWER = Answer(status_code=201, body=b'{"id": "\xc3\xbc"}', headers={"ETag": '"1-1"'})


def key(
    text: str = "k-1", *, client: str = "cpq", path: str = "/a", asked: bytes = b"1"
) -> RequestKey:
    return RequestKey(client, path, text, asked)


async def keep(database: Database, *keys: RequestKey) -> UUID:
    identity = new_id()
    async with database.transaction() as connection:
        await keep_answers(connection, [Kept(each, ANSWER, identity) for each in keys])
    return identity


async def test_an_answer_is_found_as_it_was_kept(database: Database) -> None:
    identity = await keep(database, key())
    assert await RequestKeys(database).find(key()) == ANSWER
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT order_id FROM idempotency_key") == identity


async def test_an_answer_is_as_old_as_the_database_s_clock_says(database: Database) -> None:
    async with database.transaction() as connection:
        await keep_answers(connection, [Kept(key(), ANSWER, None)])
        (row,) = await connection.fetch("SELECT created_at, now(), order_id FROM idempotency_key")
    assert list(row) == [row["now"], row["now"], None]


@pytest.mark.parametrize("other", [key("k-2"), key(client="shop"), key(path="/b")])
async def test_nothing_is_found_under_another_key(database: Database, other: RequestKey) -> None:
    await keep(database, key())
    assert await RequestKeys(database).find(other) is None


async def test_another_request_under_the_key_is_told_so(database: Database) -> None:
    await keep(database, key())
    with pytest.raises(KeyReusedError):
        await RequestKeys(database).find(key(asked=b"2"))


async def test_a_key_is_held_by_one_request_of_a_process_at_a_time(database: Database) -> None:
    keys = RequestKeys(database)
    with keys.held(key()):
        with pytest.raises(KeyInUseError), keys.held(key()):
            pass
        with keys.held(key("k-2")):
            pass
    with keys.held(key()):
        pass


async def test_of_many_keys_each_is_told_what_stands_against_it(database: Database) -> None:
    await keep(database, key("done"), key("other"))
    asked = [
        key("done"),
        key("other", asked=b"2"),
        key("held"),
        key("new"),
        None,
        key("new"),
        None,
    ]
    async with database.transaction() as holding:
        assert await claim_keys(holding, [key("held")]) == [None]
        async with database.transaction() as connection:
            told = await claim_keys(connection, asked)
    assert [type(each) for each in told] == [
        AnsweredError,
        KeyReusedError,
        KeyInUseError,
        type(None),
        type(None),
        KeyInUseError,
        type(None),
    ]
    assert isinstance(told[0], AnsweredError)
    assert told[0].answer == ANSWER
