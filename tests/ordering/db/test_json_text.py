"""JSON text: pieces become SQL that PostgreSQL makes the text of."""

import msgspec

from ordering.db.connection import connect
from ordering.db.engine import Database
from ordering.db.json_text import (
    TEXT,
    aggregated,
    chain,
    concat,
    constant,
    join,
    json_array,
    json_rows,
    sql,
    strict,
)

#: Every character that JSON escapes, some that it need not, and none.
TEXTS = [
    "",
    "plain",
    *(chr(code) for code in range(1, 33)),
    'a "quote", a \\ and a / between',
    "\x7f \u0085 \u2028 \u2029",
    "ä ß € 漢字 🚀",
    "</script>",
]

#: A null between texts, and constants with what SQL escapes.
PIECES = join(
    (constant("it's "), sql("'a'::text"), sql("NULL::text"), constant("-"), sql("'b'", filled=True))
)


async def test_a_text_is_written_as_to_json_writes_it(database: Database) -> None:
    written = f"SELECT t, {TEXT.format('t')}, to_json(t)::text FROM unnest($1::text[]) AS t"
    async with database.acquire() as connection:
        for text, ours, theirs in await connection.fetch(written, TEXTS):
            assert ours == theirs
            assert msgspec.json.decode(ours) == text


async def test_no_text_is_no_string(database: Database) -> None:
    async with database.acquire() as connection:
        assert await connection.fetchval(f"SELECT {TEXT.format('NULL::text')}") is None


async def test_writing_a_text_calls_no_function_of_ours(empty_url: str) -> None:
    connection = await connect(empty_url)
    try:
        plan = await connection.fetch(
            f"EXPLAIN (VERBOSE) SELECT {TEXT.format('external_id')} FROM customer_order"
        )
    finally:
        await connection.close()
    output = [line for (line,) in plan if "Output:" in line]
    assert len(output) == 1
    assert "json_string" not in output[0]


async def test_a_null_is_passed_over_by_both_ways_of_writing(database: Database) -> None:
    async with database.acquire() as connection:
        assert await connection.fetchval(f"SELECT {chain(PIECES)}") == "it's a-b"
        assert await connection.fetchval(f"SELECT {concat(PIECES)}") == "it's a-b"


async def test_strictly_a_null_makes_all_of_it_null(database: Database) -> None:
    async with database.acquire() as connection:
        assert await connection.fetchval(f"SELECT {strict(PIECES)}") is None
        assert await connection.fetchval(f"SELECT {strict(PIECES[:2])}") == "it's a"


async def test_more_pieces_than_a_function_has_arguments(database: Database) -> None:
    pieces = join(sql(f"'{number},'::text") for number in range(250))
    whole = "".join(f"{number}," for number in range(250))
    async with database.acquire() as connection:
        assert await connection.fetchval(f"SELECT {chain(pieces)}") == whole
        assert await connection.fetchval(f"SELECT {concat(pieces)}") == whole


async def test_constants_stay_outside_of_the_query_for_a_list(database: Database) -> None:
    pieces = json_rows(sql("t::text"), "t", "unnest($1::int[]) AS t")
    assert [(piece.is_sql, piece.text) for piece in (pieces[0], pieces[-1])] == [
        (False, "["),
        (False, "]"),
    ]
    async with database.acquire() as connection:
        assert await connection.fetchval(f"SELECT {chain(pieces)}", [2, 1]) == "[1,2]"
        assert await connection.fetchval(f"SELECT {chain(pieces)}", []) == "[]"


async def test_several_aggregates_are_of_one_query(database: Database) -> None:
    counted = join(
        (
            constant('{"nodes":'),
            json_array(sql("t::text"), "t"),
            constant(',"count":'),
            sql("count(*)::text", filled=True),
            constant("}"),
        )
    )
    written = chain(aggregated(counted, "unnest($1::int[]) AS t"))
    assert written.count("unnest") == 1
    async with database.acquire() as connection:
        assert await connection.fetchval(f"SELECT {written}", [2, 1]) == (
            '{"nodes":[1,2],"count":2}'
        )
        assert await connection.fetchval(f"SELECT {written}", []) == '{"nodes":[],"count":0}'
