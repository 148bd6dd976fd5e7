"""Who may call: the clients, their roles and the hashes of their passwords."""

from piccolo.columns import JSONB, UUID, Boolean, Text, Timestamptz
from piccolo.table import Table

__all__ = ["ApiClient"]


class ApiClient(Table, tablename="api_client"):
    """A system or person that calls the service. `roles` is a JSON array of role names."""

    id = UUID(primary_key=True, default=None)
    username = Text()
    password_hash = Text()
    roles = JSONB(default=None)
    active = Boolean(default=True)
    created_at = Timestamptz()
