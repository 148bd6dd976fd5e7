"""Requests as GraphQL over HTTP has them, which WebSockets carry too."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ordering_graphql.engine import Question

__all__ = ["Asked", "read_body", "read_url"]


class _PersistedQuery(msgspec.Struct, rename={"sha256_hash": "sha256Hash"}):
    sha256_hash: str


class _Extensions(msgspec.Struct, rename="camel"):
    persisted_query: _PersistedQuery | None = None


class Asked(msgspec.Struct, rename="camel"):
    """A request, with the two ways of naming a trusted document."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    document_id: str | None = None
    extensions: _Extensions | None = None

    @property
    def question(self) -> Question:
        """The same as a question to the engine."""
        named = self.extensions.persisted_query if self.extensions else None
        identity = self.document_id or (named.sha256_hash if named else None)
        return Question(self.query, self.variables or {}, self.operation_name, identity)


def read_body(body: bytes) -> Asked:
    """Read a request that is a body. Raises `msgspec.DecodeError` and the like."""
    if body.lstrip()[:1] == b"[":
        raise msgspec.ValidationError("documents are sent one by one, not as an array")
    return msgspec.json.decode(body, type=Asked)


def read_url(members: Mapping[str, str]) -> Asked:
    """Read a request that is in a URL. Raises `msgspec.DecodeError` and the like.

    A member without a value counts as left out, but for the document.
    """
    known = {
        name: msgspec.json.decode(text) if name in ("variables", "extensions") else text
        for name, text in members.items()
        if text or name == "query"
    }
    return msgspec.convert(known, Asked)
