"""Idempotency keys: a request that is sent again is answered again, not done again.

The answer is stored with the effect, in one transaction, so there is never one without the other.
Who is doing a request holds a lock on its key until that transaction ends; nobody waits for the
lock: a repeat that comes too early is told so (docs/decisions/0016-idempotency.md).
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from ordering.db.advisory import try_lock_names
from ordering.db.array_insert import ArrayInsert
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.tables import IdempotencyKey
from ordering.domain import messages
from ordering.domain.errors import KeyInUseError, KeyReusedError, Problem

__all__ = [
    "Answer",
    "AnsweredError",
    "Kept",
    "Once",
    "RequestKey",
    "RequestKeys",
    "begin_once",
    "claim_keys",
    "keep_answers",
]

T = TypeVar("T")


class RequestKey(msgspec.Struct, frozen=True):
    """A key that a client chose for a request to a path, mode included.

    `request_hash` tells whether a repeat asks for the same.
    """

    client: str
    path: str
    key: str
    request_hash: bytes

    @property
    def name(self) -> str:
        """The name under which the key is locked."""
        return f"key {self.client}\n{self.path}\n{self.key}"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is answered with; the body is JSON."""

    status_code: int
    body: bytes
    headers: dict[str, str]


class Once(msgspec.Struct, Generic[T], frozen=True):
    """A request to be done once, and the answer to what comes of it."""

    key: RequestKey
    answer: Callable[[T], Answer]

    def kept(self, result: T, order_id: UUID | None = None) -> "Kept":
        """Say what is to be stored when `result`, which is about this order if any, is."""
        return Kept(self.key, self.answer(result), order_id)


class Kept(msgspec.Struct, frozen=True):
    """An answer that is stored with the effect of its request."""

    key: RequestKey
    answer: Answer
    order_id: UUID | None


class AnsweredError(Exception):
    """The request was done before; `answer` is what it was answered with."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("this request was answered before")
        self.answer = answer


class _Row(msgspec.Struct):
    client: str
    path: str
    key: str
    request_hash: bytes
    status_code: int
    response: str
    order_id: UUID | None
    headers: str


_INSERT = ArrayInsert(IdempotencyKey, _Row.__struct_fields__)

_FIND = """
SELECT asked.place, request_hash, status_code, response, headers
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (client, path, key, place)
JOIN idempotency_key AS known USING (client, path, key)
"""


class RequestKeys:
    """The keys in use in this process, and those that were answered, wherever that was."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._in_use: set[str] = set()

    @contextmanager
    def held(self, key: RequestKey) -> Generator[None]:
        """Keep a key to oneself. Raises `KeyInUseError` if another request has it."""
        if key.name in self._in_use:
            raise _in_use()
        self._in_use.add(key.name)
        try:
            yield
        finally:
            self._in_use.discard(key.name)

    async def find(self, key: RequestKey) -> Answer | None:
        """Find the answer to the request, if it was done before.

        Raises `KeyReusedError` if the key was used for another request.
        """
        async with self._database.acquire() as connection:
            found = (await _find(connection, [key]))[0]
        if isinstance(found, AnsweredError):
            return found.answer
        if found is not None:
            raise found
        return None


async def claim_keys(
    connection: Connection, keys: Sequence[RequestKey | None]
) -> list[Exception | None]:
    """Lock keys until the end of the transaction; tells for each, in order, what stands against it.

    That is None where the request is to be done, else what to raise: `AnsweredError`,
    `KeyReusedError` or `KeyInUseError`.
    """
    named = {key.name: key for key in keys if key is not None}
    if not named:
        return [None] * len(keys)
    locked = await try_lock_names(connection, list(named))
    found = await _find(connection, list(named.values()))
    against: dict[str, Exception | None] = {
        name: known if held else _in_use()
        for name, held, known in zip(named, locked, found, strict=True)
    }
    told: list[Exception | None] = []
    for key in keys:
        told.append(None if key is None else against[key.name])
        if key is not None:
            # The same key once more among these: the first goes on.
            against[key.name] = against[key.name] or _in_use()
    return told


async def begin_once(connection: Connection, key: RequestKey) -> None:
    """Lock a key until the end of the transaction.

    Raises `AnsweredError`, `KeyReusedError` or `KeyInUseError`.
    """
    (against,) = await claim_keys(connection, [key])
    if against is not None:
        raise against


async def keep_answers(connection: Connection, answers: Sequence[Kept]) -> None:
    """Store answers, in the transaction of their requests' effects, whose keys it has locked."""
    rows = [
        _Row(
            client=kept.key.client,
            path=kept.key.path,
            key=kept.key.key,
            request_hash=kept.key.request_hash,
            status_code=kept.answer.status_code,
            response=kept.answer.body.decode(),
            order_id=kept.order_id,
            headers=msgspec.json.encode(kept.answer.headers).decode(),
        )
        for kept in answers
    ]
    if rows:
        await connection.execute(_INSERT.sql, *_INSERT.arrays([(row,) for row in rows]))


async def _find(connection: Connection, keys: Sequence[RequestKey]) -> list[Exception | None]:
    rows = await connection.fetch(
        _FIND,
        [key.client for key in keys],
        [key.path for key in keys],
        [key.key for key in keys],
    )
    found: list[Exception | None] = [None] * len(keys)
    for row in rows:
        place: int = row["place"] - 1
        if row["request_hash"] != keys[place].request_hash:
            found[place] = KeyReusedError([Problem.of(messages.KEY_REUSED)])
            continue
        answer = Answer(
            status_code=row["status_code"],
            body=row["response"].encode(),
            headers=msgspec.json.decode(row["headers"]),
        )
        found[place] = AnsweredError(answer)
    return found


def _in_use() -> KeyInUseError:
    return KeyInUseError([Problem.of(messages.KEY_IN_USE)])
