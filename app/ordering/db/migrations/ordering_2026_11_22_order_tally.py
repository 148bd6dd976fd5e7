"""How many orders there are, by state, told by rows that add up (docs/decisions/0029-totals.md).

From here on every order counts, whoever writes it: a running older version, COPY, an operator. To
create the triggers waits for the transactions that have written orders, so none is under way that
does not count. Those from before are counted by the next migration.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import migration

ID = "2026-11-22T14:10:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "order tally"

#: What was committed while it waited for a lock must be seen.
_READ_COMMITTED = """
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE object_not_in_prerequisite_state
            USING MESSAGE = 'how many orders there are can be told in READ COMMITTED only';
        END IF;"""

STATEMENTS = (
    """
    CREATE TABLE order_tally (
        id bigserial PRIMARY KEY,
        state varchar(40) NOT NULL,
        orders bigint NOT NULL
    )
    """,
    # Rows are only added, and a trigger for statements adds one for a COPY of a hundred orders.
    """
    CREATE FUNCTION tally_written_orders() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO order_tally (state, orders)
        SELECT state, TG_ARGV[0]::bigint * count(*) FROM written GROUP BY state;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE FUNCTION tally_moved_order() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO order_tally (state, orders) VALUES (OLD.state, -1), (NEW.state, 1);
        RETURN NULL;
    END
    $$
    """,
    # Nobody else writes orders now, but what a worker adds up at this moment would be left over.
    f"""
    CREATE FUNCTION tally_no_orders() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {_READ_COMMITTED}
        LOCK TABLE order_tally IN SHARE ROW EXCLUSIVE MODE;
        DELETE FROM order_tally;
        RETURN NULL;
    END
    $$
    """,
    # One statement, so one snapshot of both tables, whatever is written meanwhile. Who would recount
    # at the same time must see what it added. TRUNCATE locks the orders first, too.
    f"""
    CREATE FUNCTION recount_orders() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        {_READ_COMMITTED}
        LOCK TABLE customer_order IN ACCESS SHARE MODE;
        PERFORM pg_advisory_xact_lock(hashtext('recount_orders'));
        INSERT INTO order_tally (state, orders)
        SELECT state, sum(orders) FROM (
            SELECT state, count(*) AS orders FROM customer_order GROUP BY state
            UNION ALL SELECT state, -orders FROM order_tally
        ) AS difference GROUP BY state HAVING sum(orders) <> 0;
    END
    $$
    """,
    """
    CREATE TRIGGER customer_order_created AFTER INSERT ON customer_order
        REFERENCING NEW TABLE AS written
        FOR EACH STATEMENT EXECUTE FUNCTION tally_written_orders('1')
    """,
    """
    CREATE TRIGGER customer_order_deleted AFTER DELETE ON customer_order
        REFERENCING OLD TABLE AS written
        FOR EACH STATEMENT EXECUTE FUNCTION tally_written_orders('-1')
    """,
    """
    CREATE TRIGGER customer_order_moved AFTER UPDATE OF state ON customer_order
        FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
        EXECUTE FUNCTION tally_moved_order()
    """,
    """
    CREATE TRIGGER customer_order_emptied AFTER TRUNCATE ON customer_order
        FOR EACH STATEMENT EXECUTE FUNCTION tally_no_orders()
    """,
    # Whoever may write orders writes what belongs to them, wherever it looks for tables: a restored
    # dump looks nowhere. Names of ours come before those of temporary tables, and nobody else may
    # hang these functions on a table of their own.
    """
    DO $do$ DECLARE written text; BEGIN
        FOREACH written IN ARRAY ARRAY[
            'tell_watchers', 'tally_written_orders', 'tally_moved_order', 'tally_no_orders']
        LOOP
            EXECUTE format('ALTER FUNCTION %I() SECURITY DEFINER SET search_path = %I, pg_temp',
                           written, current_schema());
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %I() FROM PUBLIC', written);
        END LOOP;
    END $do$
    """,
)


async def forwards() -> MigrationManager:
    """Create the table and the triggers, in one transaction."""
    return migration(ID, DESCRIPTION, STATEMENTS)
