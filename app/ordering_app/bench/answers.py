"""Answers of the service, kept for the ceilings that pass bytes through."""

from collections.abc import Mapping

from ordering.db.connection import Connection
from ordering_app.bench.template import SCHEMA

__all__ = ["keep_answers", "read_answers"]

_TABLE = f"{SCHEMA}.answer"


async def keep_answers(connection: Connection, answers: Mapping[str, tuple[int, bytes]]) -> None:
    """Keep these answers, status and body by target, in place of those that were kept before."""
    await connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
    await connection.execute(
        f"CREATE TABLE {_TABLE} (target text PRIMARY KEY, status integer, body bytea)"
    )
    for target, (status, body) in answers.items():
        await connection.execute(f"INSERT INTO {_TABLE} VALUES ($1, $2, $3)", target, status, body)


async def read_answers(connection: Connection) -> Mapping[str, tuple[int, bytes]]:
    """Read the answers that are kept."""
    rows = await connection.fetch(f"SELECT target, status, body FROM {_TABLE}")
    return {row["target"]: (row["status"], row["body"]) for row in rows}
