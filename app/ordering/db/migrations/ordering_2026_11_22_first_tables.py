"""All tables of the first release, with the indexes that their statements need.

Hand-written SQL, since partial indexes and CHECKs have no place in Piccolo's generated operations;
a test compares the result with the Piccolo tables (docs/decisions/0005-migrations.md).
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import migration

ID = "2026-11-22T06:00:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "the first tables"

STATEMENTS = (
    # -- orders ---------------------------------------------------------------------------------
    """
    CREATE TABLE customer_order (
        id uuid PRIMARY KEY,
        number bigserial NOT NULL,
        external_id text,
        external_system text,
        state varchar(40) NOT NULL,
        version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
        ponr boolean NOT NULL DEFAULT false,
        order_currency varchar(3),
        currency_code varchar(3),
        order_date timestamptz,
        requested_start_date timestamptz,
        requested_completion_date timestamptz,
        expected_completion_date timestamptz,
        committed_due_date timestamptz,
        account_id uuid,
        consumer_id uuid,
        channels jsonb,
        notes jsonb,
        related_parties jsonb,
        extras jsonb,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX customer_order_number ON customer_order (number)",
    """CREATE INDEX customer_order_external_id ON customer_order (external_id, number)
       WHERE external_id IS NOT NULL""",
    "CREATE INDEX customer_order_state ON customer_order (state, number)",
    """CREATE INDEX customer_order_account ON customer_order (account_id, number)
       WHERE account_id IS NOT NULL""",
    """CREATE INDEX customer_order_consumer ON customer_order (consumer_id, number)
       WHERE consumer_id IS NOT NULL""",
    """
    CREATE TABLE order_line_item (
        id uuid PRIMARY KEY,
        order_id uuid NOT NULL REFERENCES customer_order (id) ON DELETE CASCADE,
        position integer NOT NULL,
        item_id varchar(40) NOT NULL,
        action varchar(20) NOT NULL,
        action_reason text,
        state varchar(40) NOT NULL,
        version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
        ponr boolean NOT NULL DEFAULT false,
        quantity numeric,
        committed_due_date timestamptz,
        parent_line_item_id uuid,
        product_offering_id uuid,
        product_offering jsonb,
        product_specification_id uuid,
        product_specification jsonb,
        product_inventory_id uuid,
        product_id text,
        location_id uuid,
        place jsonb,
        relationships jsonb,
        item_prices jsonb,
        external_product_inventory jsonb,
        is_bundle boolean,
        product_extras jsonb,
        extras jsonb,
        UNIQUE (order_id, item_id)
    )
    """,
    "CREATE INDEX order_line_item_position ON order_line_item (order_id, position)",
    """CREATE INDEX order_line_item_inventory ON order_line_item (product_inventory_id)
       WHERE product_inventory_id IS NOT NULL""",
    """
    CREATE TABLE order_characteristic_value (
        id bigserial PRIMARY KEY,
        order_id uuid NOT NULL,
        line_item_id uuid NOT NULL,
        name text,
        value jsonb,
        value_type text,
        previous_value jsonb,
        extras jsonb
    )
    """,
    "CREATE INDEX order_characteristic_value_order ON order_characteristic_value (order_id, id)",
    """
    CREATE TABLE order_line_item_contact (
        id uuid PRIMARY KEY,
        order_id uuid NOT NULL,
        line_item_id uuid NOT NULL,
        contact_id text,
        first_name text,
        last_name text,
        name text,
        email text,
        phone text,
        referred_type text,
        extras jsonb
    )
    """,
    "CREATE INDEX order_line_item_contact_order ON order_line_item_contact (order_id, id)",
    """
    CREATE TABLE order_line_related_item (
        id bigserial PRIMARY KEY,
        order_id uuid NOT NULL,
        line_item_id uuid NOT NULL,
        related_id text,
        product_inventory_id uuid,
        relationship_type text,
        extras jsonb
    )
    """,
    "CREATE INDEX order_line_related_item_order ON order_line_related_item (order_id, id)",
    """
    CREATE TABLE work_note (
        id bigserial PRIMARY KEY,
        order_id uuid NOT NULL,
        line_item_id uuid,
        text text NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX work_note_order ON work_note (order_id, id)",
    """
    CREATE TABLE order_revision (
        id bigserial PRIMARY KEY,
        order_id uuid NOT NULL,
        version integer NOT NULL,
        operation varchar(40) NOT NULL,
        change_types jsonb NOT NULL,
        changes jsonb,
        changed_by text NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX order_revision_order ON order_revision (order_id, id)",
    """
    CREATE TABLE order_event (
        id bigserial PRIMARY KEY,
        order_id uuid NOT NULL,
        event_type varchar(60) NOT NULL,
        occurred_at timestamptz NOT NULL,
        payload jsonb,
        delivered_at timestamptz
    )
    """,
    "CREATE INDEX order_event_order ON order_event (order_id, id)",
    "CREATE INDEX order_event_undelivered ON order_event (id) WHERE delivered_at IS NULL",
    """
    CREATE TABLE event_subscription (
        id uuid PRIMARY KEY,
        callback text NOT NULL,
        query text,
        secret text,
        active boolean NOT NULL DEFAULT true,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE inbound_request (
        id uuid PRIMARY KEY,
        number bigserial NOT NULL,
        resource text NOT NULL,
        reference_table text NOT NULL DEFAULT 'customer_order',
        state varchar(20) NOT NULL
            CHECK (state IN ('new', 'in_progress', 'completed', 'error', 'pending')),
        status varchar(20) CHECK (status IN ('success', 'partial_success', 'failure')),
        status_code smallint NOT NULL DEFAULT 202,
        priority smallint NOT NULL DEFAULT 0,
        external_id text,
        external_system text,
        account_id uuid,
        contact_id uuid,
        consumer_id uuid,
        initiated_by text NOT NULL,
        run_in_background boolean NOT NULL DEFAULT true,
        requested_flow text,
        request_configuration text,
        source_table text,
        source_record_ids jsonb,
        domain text,
        job_id text,
        payload text NOT NULL,
        payload_bytes integer NOT NULL DEFAULT 0,
        inventory_ids jsonb,
        response_payload jsonb,
        error_message text,
        error jsonb,
        execute_after uuid,
        due_at timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        attempt_history jsonb,
        claim_token uuid,
        claimed_at timestamptz,
        lease_expires_at timestamptz,
        system_id text,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        ended_at timestamptz,
        CONSTRAINT inbound_request_claim CHECK (
            (state = 'in_progress') = (claim_token IS NOT NULL)
            AND (claim_token IS NULL) = (lease_expires_at IS NULL)),
        CONSTRAINT inbound_request_end CHECK (
            (state IN ('completed', 'error')) = (ended_at IS NOT NULL))
    ) WITH (fillfactor = 70)
    """,
    """CREATE INDEX inbound_request_claimable ON inbound_request (priority DESC, number)
       WHERE state = 'new'""",
    """CREATE INDEX inbound_request_claimable_account
       ON inbound_request (account_id, priority DESC, number) WHERE state = 'new'""",
    "CREATE INDEX inbound_request_state ON inbound_request (state, number)",
    """CREATE INDEX inbound_request_account ON inbound_request (account_id, number)
       WHERE account_id IS NOT NULL""",
    """CREATE INDEX inbound_request_inventory ON inbound_request USING gin (inventory_ids)
       WHERE inventory_ids IS NOT NULL AND state IN ('new', 'in_progress', 'pending')""",
    """CREATE INDEX inbound_request_lease ON inbound_request (lease_expires_at)
       WHERE state = 'in_progress'""",
    """CREATE INDEX inbound_request_claim_token ON inbound_request (claim_token)
       WHERE state = 'in_progress'""",
    """CREATE INDEX inbound_request_execute_after ON inbound_request (execute_after)
       WHERE state = 'pending'""",
    """CREATE INDEX inbound_request_ended ON inbound_request (state, ended_at)
       WHERE state IN ('completed', 'error')""",
    """CREATE INDEX inbound_request_external_id ON inbound_request (external_id, number)
       WHERE external_id IS NOT NULL""",
    "CREATE UNIQUE INDEX inbound_request_number ON inbound_request (number)",
    """
    CREATE TABLE idempotency_key (
        id bigserial PRIMARY KEY,
        client text NOT NULL,
        path text NOT NULL,
        key text NOT NULL,
        request_hash bytea NOT NULL,
        status_code smallint NOT NULL,
        response text,
        order_id uuid,
        created_at timestamptz NOT NULL,
        UNIQUE (client, path, key)
    )
    """,
    "CREATE INDEX idempotency_key_created ON idempotency_key (created_at)",
    """
    CREATE TABLE api_client (
        id uuid PRIMARY KEY,
        username text NOT NULL UNIQUE,
        password_hash text NOT NULL,
        roles jsonb NOT NULL,
        active boolean NOT NULL DEFAULT true,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE product_offering (
        key bigserial PRIMARY KEY,
        id uuid NOT NULL,
        external_id text,
        name text NOT NULL,
        status varchar(20) NOT NULL CHECK (status IN ('archived', 'draft', 'published', 'retired')),
        version text,
        internal_version integer NOT NULL DEFAULT 1,
        product_specification_id uuid,
        UNIQUE (id, internal_version)
    )
    """,
    """
    CREATE TABLE product_specification (
        key bigserial PRIMARY KEY,
        id uuid NOT NULL,
        external_id text,
        name text NOT NULL,
        status varchar(20) NOT NULL CHECK (status IN ('archived', 'draft', 'published', 'retired')),
        version text,
        internal_version integer NOT NULL DEFAULT 1,
        UNIQUE (id, internal_version)
    )
    """,
    """
    CREATE TABLE specification_characteristic (
        id uuid PRIMARY KEY,
        external_id text,
        product_specification_id uuid NOT NULL,
        internal_version integer NOT NULL DEFAULT 1,
        position integer NOT NULL DEFAULT 0,
        name text NOT NULL,
        value_type text NOT NULL,
        mandatory boolean NOT NULL DEFAULT false,
        UNIQUE (product_specification_id, internal_version, name)
    )
    """,
    """
    CREATE TABLE characteristic_option (
        id uuid PRIMARY KEY,
        external_id text,
        characteristic_id uuid NOT NULL
            REFERENCES specification_characteristic (id) ON DELETE CASCADE,
        position integer NOT NULL DEFAULT 0,
        value jsonb NOT NULL
    )
    """,
    "CREATE INDEX characteristic_option_characteristic ON characteristic_option (characteristic_id)",
    """
    CREATE TABLE specification_relationship (
        id uuid PRIMARY KEY,
        external_id text,
        source_specification_id uuid NOT NULL,
        target_specification_id uuid NOT NULL,
        relationship_type varchar(20) NOT NULL CHECK (relationship_type IN ('HasChild', 'Requires')),
        UNIQUE (source_specification_id, target_specification_id, relationship_type)
    )
    """,
    """
    CREATE TABLE distribution_channel (
        id uuid PRIMARY KEY,
        external_id text UNIQUE,
        name text NOT NULL
    )
    """,
    """
    CREATE TABLE location (
        id uuid PRIMARY KEY,
        external_id text UNIQUE,
        name text,
        address jsonb
    )
    """,
    """
    CREATE TABLE party (
        id uuid PRIMARY KEY,
        external_id text,
        kind varchar(10) NOT NULL CHECK (kind IN ('account', 'contact', 'consumer')),
        name text,
        account_id uuid,
        email text,
        phone text
    )
    """,
    "CREATE UNIQUE INDEX party_external_id ON party (external_id, kind) WHERE external_id IS NOT NULL",
    """
    CREATE TABLE product_inventory (
        id uuid PRIMARY KEY,
        external_id text UNIQUE,
        name text,
        status varchar(30) NOT NULL CHECK (status IN (
            'active', 'change_pending', 'inactivation_pending', 'inactive',
            'installation_pending', 'suspended')),
        product_offering_id uuid,
        product_specification_id uuid,
        internal_version integer,
        location_id uuid,
        account_id uuid,
        consumer_id uuid,
        characteristics jsonb
    )
    """,
    """
    CREATE TABLE currency (
        id uuid PRIMARY KEY,
        external_id text,
        code varchar(3) NOT NULL UNIQUE,
        name text,
        minor_units smallint NOT NULL DEFAULT 2,
        active boolean NOT NULL DEFAULT true
    )
    """,
    """
    CREATE TABLE catalog_revision (
        id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
        revision bigint NOT NULL DEFAULT 0,
        changed_at timestamptz NOT NULL
    )
    """,
    "INSERT INTO catalog_revision (id, revision, changed_at) VALUES (1, 0, now())",
)


async def forwards() -> MigrationManager:
    """Create the tables, in one transaction."""
    return migration(ID, DESCRIPTION, STATEMENTS)
