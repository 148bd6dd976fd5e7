"""Trusted documents: named by their hash, and where only they are executed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering.settings import Settings, SettingsError
from ordering_app.embedded import EmbeddedServers
from ordering_graphql.engine import make_engine
from ordering_graphql.trusted import document_id
from support.api import Api, running_api

KNOWN = "query ($n: Int) { orders(first: $n) { totalCount } }\n"
#: What `sha256sum` says of it.
KNOWN_ID = document_id(KNOWN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one document, and something else."""
    (tmp_path / "portal").mkdir()
    (tmp_path / "portal/known.graphql").write_text(KNOWN, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("{", encoding="utf-8")
    return tmp_path


async def errors(api: Api, body: Mapping[str, Any]) -> list[str]:
    answer = (await api.post("/graphql", body, Role.ORDER_VIEWER)).json()
    return [error["message"] for error in answer.get("errors", [])]


def test_an_id_is_the_hash_of_the_text() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert document_id("") == empty


async def test_documents_are_named(
    folder: Path, demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    async with running_api(
        demo_database, demo_url, servers.redis_url, graphql_documents=str(folder)
    ) as api:
        persisted = {"persistedQuery": {"version": 1, "sha256Hash": KNOWN_ID}}
        assert await errors(api, {"documentId": KNOWN_ID}) == []
        assert await errors(api, {"extensions": persisted}) == []
        assert await errors(api, {"documentId": "0" * 64}) == ["PersistedQueryNotFound"]
        assert await errors(api, {"documentId": "0" * 64, "query": "{ __typename }"}) == []
        assert await errors(api, {"query": "{ __typename }"}) == []
        assert await errors(api, {"documentId": KNOWN_ID, "variables": {"n": 0}}) == [
            "first must be a whole number from 1 to 100"
        ]


async def test_only_trusted_documents_are_executed(
    folder: Path, demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    settings = {"graphql_documents": str(folder), "graphql_only_documents": True}
    async with running_api(demo_database, demo_url, servers.redis_url, **settings) as api:
        assert await errors(api, {"documentId": KNOWN_ID}) == []
        assert await errors(api, {"query": KNOWN}) == []
        only = ["Only documents that were registered before are executed"]
        assert await errors(api, {"query": "{ __typename }"}) == only
        assert await errors(api, {"query": KNOWN + " "}) == only
        assert await errors(api, {"documentId": "0" * 64, "query": "{ __typename }"}) == only


def test_a_folder_with_errors_ends_the_start(folder: Path) -> None:
    (folder / "wrong.graphql").write_text("{ nothing }", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"wrong.graphql: Cannot query field 'nothing'"):
        make_engine(Settings(graphql_documents=str(folder)))
    with pytest.raises(SettingsError, match=r"ORDERING_GRAPHQL_DOCUMENTS: .*none is no folder"):
        make_engine(Settings(graphql_documents=str(folder / "none")))
    with pytest.raises(SettingsError, match="ONLY_DOCUMENTS needs"):
        make_engine(Settings(graphql_only_documents=True))
