"""Tables of the intake: the inbound queue, idempotency keys, outbox and subscriptions."""

from piccolo.columns import (
    JSONB,
    UUID,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
    Integer,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table

__all__ = [
    "Bulk",
    "BulkLine",
    "EventSubscription",
    "IdempotencyKey",
    "InboundRequest",
    "OrderEvent",
    "OrderWatch",
    "QueueControl",
]


class InboundRequest(Table, tablename="inbound_request"):
    """One record of the inbound queue. Its id is the id that the order has or will have.

    `number` gives the order of arrival. `inventory_ids` are the product inventories that the order
    is about, as a JSON array of ids: requests about the same one follow each other, and
    `execute_after` is the one that a pending request waits for, or waited for. A claim is
    `claim_token` plus `lease_expires_at`; both are null outside state `in_progress`
    (ordering/inbound/README.md). `interruptions` counts the claims that an outage of the database
    ended; these are no `attempts` (docs/decisions/0019-failures.md).
    """

    id = UUID(primary_key=True, default=None)
    number = BigSerial()
    resource = Text()
    reference_table = Text(default="customer_order")
    state = Varchar(length=20)
    status = Varchar(length=20, null=True, default=None)
    status_code = SmallInt(default=202)
    priority = SmallInt(default=0)
    external_id = Text(null=True, default=None)
    external_system = Text(null=True, default=None)
    account_id = UUID(null=True, default=None)
    contact_id = UUID(null=True, default=None)
    consumer_id = UUID(null=True, default=None)
    initiated_by = Text()
    run_in_background = Boolean(default=True)
    requested_flow = Text(null=True, default=None)
    request_configuration = Text(null=True, default=None)
    source_table = Text(null=True, default=None)
    source_record_ids = JSONB(null=True, default=None)
    domain = Text(null=True, default=None)
    job_id = Text(null=True, default=None)
    payload = Text()
    payload_bytes = Integer(default=0)
    inventory_ids = JSONB(null=True, default=None)
    response_payload = JSONB(null=True, default=None)
    error_message = Text(null=True, default=None)
    error = JSONB(null=True, default=None)
    execute_after = UUID(null=True, default=None)
    due_at = Timestamptz(null=True, default=None)
    attempts = Integer(default=0)
    attempt_history = JSONB(null=True, default=None)
    claim_token = UUID(null=True, default=None)
    claimed_at = Timestamptz(null=True, default=None)
    lease_expires_at = Timestamptz(null=True, default=None)
    system_id = Text(null=True, default=None)
    created_at = Timestamptz()
    updated_at = Timestamptz()
    ended_at = Timestamptz(null=True, default=None)
    interruptions = SmallInt(default=0)


class Bulk(Table, tablename="bulk"):
    """Many orders in one request, a line for each (docs/decisions/0018-bulks.md).

    The counts are those of its rows in `bulk_line`; `last_line` is the number of the last of them.
    A process that receives the lines has `claim_token` until `lease_expires_at`.
    """

    id = UUID(primary_key=True, default=None)
    initiated_by = Text()
    request_key = Text(null=True, default=None)
    state = Varchar(length=20)
    accepted = BigInt(default=0)
    duplicates = BigInt(default=0)
    refused = BigInt(default=0)
    last_line = BigInt(default=0)
    claim_token = UUID(null=True, default=None)
    lease_expires_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz()
    updated_at = Timestamptz()
    ended_at = Timestamptz(null=True, default=None)


class BulkLine(Table, tablename="bulk_line"):
    """What became of a line of a bulk; `digest` tells whether a repeat is the same line.

    Its key is the bulk and the number together, which Piccolo cannot say.
    """

    bulk_id = UUID(primary_key=True, default=None)
    number = BigInt()
    outcome = Varchar(length=20)
    order_id = UUID(null=True, default=None)
    external_id = Text(null=True, default=None)
    problems = JSONB(null=True, default=None)
    digest = BigInt()


class QueueControl(Table, tablename="queue_control"):
    """One row at most: whether draining is paused, and who said so last, when."""

    id = SmallInt(primary_key=True, default=1)
    paused = Boolean()
    changed_by = Text()
    changed_at = Timestamptz()


class IdempotencyKey(Table, tablename="idempotency_key"):
    """The answer to a request, kept under the client's key so that a repeat finds it.

    `path` includes the mode, `headers` is a JSON object.
    """

    id = BigSerial(primary_key=True)
    client = Text()
    path = Text()
    key = Text()
    request_hash = Bytea()
    status_code = SmallInt()
    response = Text(null=True, default=None)
    order_id = UUID(null=True, default=None)
    created_at = Timestamptz()
    headers = JSONB(null=True, default=None)


class OrderEvent(Table, tablename="order_event"):
    """The outbox: written in the transaction of the change, delivered afterwards.

    `mail_due_at` is set while an e-mail about the event is to be sent; while one is being sent, it
    tells when another worker may try (docs/decisions/0019-failures.md).
    """

    id = BigSerial(primary_key=True)
    order_id = UUID(default=None)
    event_type = Varchar(length=60)
    occurred_at = Timestamptz()
    payload = JSONB(null=True, default=None)
    delivered_at = Timestamptz(null=True, default=None)
    mail_due_at = Timestamptz(null=True, default=None)


class EventSubscription(Table, tablename="event_subscription"):
    """A listener of events: where to call, and which events it asked for."""

    id = UUID(primary_key=True, default=None)
    callback = Text()
    query = Text(null=True, default=None)
    secret = Text(null=True, default=None)
    active = Boolean(default=True)
    created_by = Text()
    created_at = Timestamptz()


class OrderWatch(Table, tablename="order_watch"):
    """A lease: until when a process (`holder`) wants notices about changes of an order.

    The order need not exist yet: it may still be in the inbound queue.
    """

    id = BigSerial(primary_key=True)
    order_id = UUID(default=None)
    holder = UUID(default=None)
    until = Timestamptz()
