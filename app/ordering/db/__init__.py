"""PostgreSQL: Piccolo tables and migrations, the pool, transactions and gathered work.

Piccolo looks its configuration up by module name; naming it here makes every import of
`ordering.db` enough for Piccolo's tables and command line to find the engine.
"""

import os

os.environ.setdefault("PICCOLO_CONF", "ordering.db.piccolo_conf")
