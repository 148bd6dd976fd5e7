"""Bulks, and what became of their lines, as JSON."""

from collections.abc import Sequence

import msgspec

from ordering.domain.errors import Problem
from ordering.domain.ids import show_id
from ordering.domain.states import LineOutcome
from ordering.domain.timestamps import show_timestamp
from ordering.inbound.bulk import BulkEnd
from ordering.inbound.bulk_rows import Bulk, LineResult
from ordering_rest.operations.inbound_view import Shown
from ordering_rest.parity.errors import Detail

__all__ = ["BULKS_PATH", "path_of", "show_bulk", "show_end", "show_results"]

BULKS_PATH = "/api/ordering/v1/bulk"

_encoder = msgspec.json.Encoder()


class _Bulk(Shown, kw_only=True):
    id: str
    href: str
    state: str
    initiated_by: str
    total: int
    accepted: int
    duplicates: int
    refused: int
    created_at: str
    updated_at: str
    ended_at: str | None = None
    results: str


class _Result(Shown, kw_only=True):
    """What became of a line; `duplicate` is there where it is true."""

    line: int
    order_id: str | None = None
    external_id: str | None = None
    duplicate: bool = False
    errors: list[Detail] | None = None


class _End(Shown, kw_only=True):
    """The last line of an answer; `errors` tell why a bulk was interrupted."""

    bulk: Shown | None = None
    errors: list[Detail] | None = None


def path_of(bulk: str) -> str:
    """Return where a bulk is shown."""
    return f"{BULKS_PATH}/{bulk}"


def show_bulk(bulk: Bulk) -> Shown:
    """Show a bulk; `results` is where its lines are."""
    identity = show_id(bulk.id)
    return _Bulk(
        id=identity,
        href=path_of(identity),
        state=bulk.state.value,
        initiated_by=bulk.initiated_by,
        total=bulk.accepted + bulk.duplicates + bulk.refused,
        accepted=bulk.accepted,
        duplicates=bulk.duplicates,
        refused=bulk.refused,
        created_at=show_timestamp(bulk.created_at),
        updated_at=show_timestamp(bulk.updated_at),
        ended_at=None if bulk.ended_at is None else show_timestamp(bulk.ended_at),
        results=f"{path_of(identity)}/results",
    )


def show_results(results: Sequence[LineResult]) -> bytes:
    """Show results, a line of JSON for each."""
    return _encoder.encode_lines([_show(result) for result in results])


def show_end(end: BulkEnd) -> bytes:
    """Show how a bulk ended, as a line of JSON."""
    bulk = None if end.bulk is None else show_bulk(end.bulk)
    return _encoder.encode_lines([_End(bulk=bulk, errors=_details(end.problems))])


def _show(result: LineResult) -> _Result:
    return _Result(
        line=result.number,
        order_id=None if result.order_id is None else show_id(result.order_id),
        external_id=result.external_id,
        duplicate=result.outcome is LineOutcome.DUPLICATE,
        errors=_details(result.problems),
    )


def _details(problems: Sequence[Problem]) -> list[Detail] | None:
    return [Detail(each.message, each.pointer) for each in problems] or None
