"""Values at the edges of what PostgreSQL and its driver can keep, all in one bulk."""

import msgspec

from support import payloads
from support.api import Api
from support.bulks import lines, send
from support.contract import drain
from support.queue import states

NUL = "The character U+0000 is not allowed"
NO_UTF_8 = "The body is not UTF-8: invalid"
RANGE = "Expected a number between 10^-300 and 10^300"
QUANTITY = "Expected a number below 10^18 with at most 12 decimals"
YEARS = "Expected a date and time between the years 1 and 9999"
LONG = "Expected a string of length <= 255"


def value(text: str) -> payloads.Payload:
    chosen = [payloads.characteristic("Any", text)]
    product = payloads.product(payloads.EDGE_DEVICE, productCharacteristic=chosen)
    return payloads.order(items=[payloads.item("1", product=product)])


def quantity(number: int) -> payloads.Payload:
    return payloads.order(items=[payloads.item("1", quantity=number)])


def unknown(raw: bytes) -> bytes:
    """Make an order with an attribute of no name that we know, whose value are these bytes."""
    return payloads.to_json(payloads.order(unknown="VALUE")).replace(b'"VALUE"', raw)


#: Lines, with what each is refused for, and where; U+FFFD stands for the U+0000 of a name.
REFUSED: list[tuple[payloads.Payload | bytes, str, str]] = [
    (payloads.order(externalId="a\0"), NUL, "/externalId"),
    (payloads.order() | {"x\0": 1}, NUL, "/x\ufffd"),
    (payloads.order() | {"x\0": {"y": "\0"}}, NUL, "/x\ufffd/y"),
    (value("\0"), NUL, "/productOrderItem/0/product/productCharacteristic/0/value"),
    (unknown(rb'"\ud800"'), "Input data was truncated", ""),
    (unknown(b'"\xed\xa0\x80"'), f"{NO_UTF_8} continuation byte", ""),
    (unknown(b'{"\xff": 1}'), f"{NO_UTF_8} start byte", ""),
    (unknown(b"9" * 400), RANGE, "/unknown"),
    (unknown(b"1e400"), RANGE, "/unknown"),
    (quantity(2**63), QUANTITY, "/productOrderItem/0/quantity"),
    (payloads.order(orderDate="0001-01-01T00:00:00+14:00"), YEARS, "/orderDate"),
    (payloads.order(orderDate="9999-12-31T23:59:59-12:00"), YEARS, "/orderDate"),
    (payloads.order(externalId="x" * 256), LONG, "/externalId"),
    (payloads.order(relatedParty=[payloads.party(id="x" * 256)]), LONG, "/relatedParty/0/id"),
]

TAKEN = [
    payloads.order(externalId="\N{GRINNING FACE}" * 255, externalSystem="\uffff"),
    value("\u0001\u007f\U0010ffff"),
    unknown(rb'"\ud83d\ude00"'),
    unknown(b"9" * 300),
    quantity(2**31),
    payloads.order(orderDate="0001-01-01T00:00:00Z"),
    payloads.order(orderDate="9999-12-31T23:59:59.999999Z"),
]


async def test_lines_that_cannot_be_kept_are_refused_and_those_beside_them_taken(api: Api) -> None:
    answer = await send(api, lines(TAKEN[0], *[line for line, _, _ in REFUSED], *TAKEN[1:]))
    assert answer.counts == ("finished", len(TAKEN), 0, len(REFUSED))
    assert [each["errors"] for each in answer.results if "errors" in each] == [
        [{"message": message, "datapath": pointer}] for _, message, pointer in REFUSED
    ]
    read_later = await api.get(answer.end["bulk"]["results"])
    assert [msgspec.json.decode(line) for line in read_later.content.splitlines()] == answer.results
    assert await drain(api) == len(TAKEN)
    assert await states(api.database) == {"completed": len(TAKEN)}
