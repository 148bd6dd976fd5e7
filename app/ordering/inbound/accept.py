"""Take an order into the inbound queue: validated, stored durably, answered with its id to be."""

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

import msgspec

from ordering.catalog.lookups import ReferenceFinder
from ordering.db.advisory import LockKind, lock_names
from ordering.db.array_insert import ArrayInsert
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.tables import InboundRequest
from ordering.domain.draft import OrderDraft
from ordering.domain.ids import new_id, show_id
from ordering.domain.references import PartyKind, References
from ordering.domain.rules.header import PARTY_KINDS, referred_type
from ordering.domain.states import InboundState
from ordering.inbound.pending import find_predecessors, line_names
from ordering.orders.external_ids import ExternalIds
from ordering.orders.idempotency import Once
from ordering.orders.submissions import Submissions
from ordering.orders.validate import policy_of, validate
from ordering.settings import Settings

__all__ = [
    "AcceptOrder",
    "NewRequest",
    "copy_requests",
    "insert_requests",
    "is_in_line",
    "line_up",
    "make_request",
]

#: Who may create records of the queue: this name tells them apart.
RESOURCE = "productOrder"

_ACCEPTED = 202


class NewRequest(msgspec.Struct, kw_only=True):
    """A record as it enters the queue; the columns that are not named here come with its life."""

    id: UUID
    resource: str = RESOURCE
    state: InboundState = InboundState.NEW
    status_code: int = _ACCEPTED
    external_id: str | None = None
    external_system: str | None = None
    account_id: UUID | None = None
    contact_id: UUID | None = None
    consumer_id: UUID | None = None
    initiated_by: str
    payload: str
    payload_bytes: int
    inventory_ids: str | None = None
    execute_after: UUID | None = None


_INSERT = ArrayInsert(InboundRequest, NewRequest.__struct_fields__)


async def insert_requests(
    connection: Connection, requests: Sequence[NewRequest]
) -> Sequence[NewRequest]:
    """Store records, in one statement, which is a transaction by itself outside of one."""
    await connection.execute(_INSERT.sql, *_INSERT.arrays([(request,) for request in requests]))
    return requests


async def copy_requests(connection: Connection, requests: Sequence[NewRequest]) -> None:
    """Store many records, if any; for more than some dozens COPY is cheaper than arrays."""
    await _INSERT.copy(connection, [(request,) for request in requests])


async def _insert_in_line(
    connection: Connection, requests: Sequence[NewRequest], *, by_account: bool
) -> Sequence[NewRequest]:
    await line_up(connection, requests, by_account=by_account)
    return await insert_requests(connection, requests)


def is_in_line(request: NewRequest, *, by_account: bool) -> bool:
    """Tell whether a record may have to follow others."""
    return request.inventory_ids is not None or (by_account and request.account_id is not None)


async def line_up(
    connection: Connection, requests: Sequence[NewRequest], *, by_account: bool
) -> None:
    """Let records to come follow the unfinished ones that they have to; wants a transaction.

    They are to be inserted in it, in this order.
    """
    accounts = [request.account_id if by_account else None for request in requests]
    names = [
        line_names(_decode(request.inventory_ids), account)
        for request, account in zip(requests, accounts, strict=True)
    ]
    if every := set[str]().union(*names):
        await lock_names(connection, LockKind.LINE, every)
        inventories = [request.inventory_ids for request in requests]
        asked = list(zip(inventories, accounts, strict=True))
        stored = await find_predecessors(connection, asked)
        # Those of this group come later than any that is stored.
        latest: dict[str, int] = {}
        for place, request in enumerate(requests):
            ahead = max((latest.get(name, -1) for name in names[place]), default=-1)
            request.execute_after = requests[ahead].id if ahead >= 0 else stored[place]
            request.state = InboundState.PENDING if request.execute_after else InboundState.NEW
            latest.update(dict.fromkeys(names[place], place))


def _decode(inventory_ids: str | None) -> list[str]:
    return msgspec.json.decode(inventory_ids or "[]", type=list[str])


async def _find_stored(connection: Connection, request: NewRequest) -> NewRequest | None:
    """Tell whether a record was stored after all."""
    found = await connection.fetchval("SELECT 1 FROM inbound_request WHERE id = $1", request.id)
    return None if found is None else request


class AcceptOrder:
    """The use case. `ring` is called after the commit and must not block: the doorbell.

    With `external_ids` no other order, queued or created, may have the order's.
    """

    def __init__(
        self,
        database: Database,
        finder: ReferenceFinder,
        settings: Settings,
        ring: Callable[[], None],
        external_ids: ExternalIds | None = None,
    ) -> None:
        self._finder = finder
        self._ring = ring
        self._policy = policy_of(
            settings, check_references=settings.create_product_order_validations_async
        )
        self._by_account = settings.queue_serialise_accounts
        self._group = Submissions(
            database,
            insert_requests,
            _find_stored,
            external_ids=external_ids,
            insert_carefully=partial(_insert_in_line, by_account=self._by_account),
        )

    async def __call__(self, body: bytes, client: str, once: Once[UUID] | None = None) -> UUID:
        """Queue the order that `body` describes and return the id that it will have.

        The record is committed on return, and with it the answer of a request that is to be done
        `once`. Raises `InvalidRequestError`, and of one with a key what `claim_keys` tells; then
        nothing was written.
        """
        draft, found = await validate(self._finder, body, self._policy)
        request = make_request(body, draft, found, client)
        await self._group.submit(
            request,
            once and once.kept(request.id, request.id),
            size=request.payload_bytes,
            carefully=is_in_line(request, by_account=self._by_account),
        )
        self._ring()
        return request.id

    async def close(self) -> None:
        """Finish the writes under way and take no more."""
        await self._group.close()


def make_request(body: bytes, draft: OrderDraft, found: References, client: str) -> NewRequest:
    """Make the record of an order that was validated."""
    parties = _parties(draft, found)
    return NewRequest(
        id=new_id(),
        external_id=draft.external_id,
        external_system=draft.external_system,
        account_id=parties.get("account"),
        contact_id=parties.get("contact"),
        consumer_id=parties.get("consumer"),
        initiated_by=client,
        payload=body.decode(),
        payload_bytes=len(body),
        inventory_ids=_inventories(draft, found),
    )


def _parties(draft: OrderDraft, found: References) -> dict[PartyKind, UUID]:
    """Find the first party of each kind that is known."""
    parties: dict[PartyKind, UUID] = {}
    for party in draft.related_party or ():
        kind = PARTY_KINDS.get(referred_type(party) or "")
        known = found.parties.get((kind, party.id or "")) if kind else None
        if known is not None:
            parties.setdefault(known.kind, known.id)
    return parties


def _inventories(draft: OrderDraft, found: References) -> str | None:
    """Name the product inventories that the lines are about, as a JSON array of ids."""
    named = {item.product.id for item in draft.items if item.product and item.product.id}
    if not named:
        return None
    ids = sorted(show_id(found.inventories[text].id) for text in named if text in found.inventories)
    return msgspec.json.encode(ids).decode() if ids else None
