"""What resolvers are handed."""

import msgspec

from ordering.services import Services

__all__ = ["Context"]


class Context(msgspec.Struct, frozen=True):
    """The use cases of the application, and which operation of the document was asked for."""

    services: Services
    operation_name: str | None = None
