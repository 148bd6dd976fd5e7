"""PostgreSQL and Valkey of our own, for a machine on which neither is installed.

    with Embedded(Path("var")) as servers:
        connect(servers.database_url, servers.redis_url)

Why and how: docs/decisions/0002-embedded-servers.md.
"""

from ordering_app.embedded.errors import EmbeddedServerError
from ordering_app.embedded.servers import Embedded, EmbeddedServers

__all__ = ["Embedded", "EmbeddedServerError", "EmbeddedServers"]
