"""Trusted documents: those of our portals, known by the SHA-256 of their text.

A client may name one instead of sending it; where only those are allowed, nothing else is executed.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec
from graphql import GraphQLError

from ordering.settings import SettingsError
from ordering_graphql.documents import Documents, RefusedError

__all__ = ["MISSING", "TrustedDocuments", "document_id", "read_trusted"]


class TrustedDocuments(msgspec.Struct, frozen=True):
    """The documents by their ids; with `only`, no others are executed."""

    texts: Mapping[str, str] = {}
    only: bool = False

    def choose(self, query: str | None, identity: str | None) -> str:
        """Return the document that is meant. Raises `RefusedError` for one that is not known."""
        if identity is not None and identity in self.texts:
            return self.texts[identity]
        if query is None:
            raise RefusedError([GraphQLError(MISSING if identity is None else _UNKNOWN)])
        if self.only and document_id(query) not in self.texts:
            raise RefusedError([GraphQLError(_ONLY)])
        return query


#: What a question without any document is told.
MISSING = "There is neither a query nor the id of a document"
#: The name is what clients of Apollo's persisted queries look for.
_UNKNOWN = "PersistedQueryNotFound"
_ONLY = "Only documents that were registered before are executed"


def document_id(text: str) -> str:
    """Return the id of a document: the SHA-256 of its text as 64 hexadecimal digits."""
    return sha256(text.encode()).hexdigest()


def read_trusted(folder: str | None, documents: Documents, *, only: bool) -> TrustedDocuments:
    """Read the `*.graphql` files of a folder and those below it.

    Raises `SettingsError` if there is no such folder, or a file has a document with errors.
    """
    if folder is None:
        if only:
            raise SettingsError("ORDERING_GRAPHQL_ONLY_DOCUMENTS needs ORDERING_GRAPHQL_DOCUMENTS")
        return TrustedDocuments()
    if not Path(folder).is_dir():
        raise SettingsError(f"ORDERING_GRAPHQL_DOCUMENTS: {folder} is no folder")
    texts: dict[str, str] = {}
    for path in sorted(Path(folder).rglob("*.graphql")):
        text = path.read_text(encoding="utf-8")
        try:
            documents.check(text)
        except RefusedError as error:
            raise SettingsError(f"ORDERING_GRAPHQL_DOCUMENTS: {path.name}: {error}") from None
        texts[document_id(text)] = text
    return TrustedDocuments(texts, only)
