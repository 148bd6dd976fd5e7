"""The catalog in memory follows the one in the database, whatever goes wrong in between."""

import asyncio

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database


async def test_a_defect_does_not_end_the_watching(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ordering.catalog.snapshot._PAUSE_S", 0.01)
    keeper = CatalogKeeper(demo_database, check_s=0.01)
    await keeper.open()
    looked_again = asyncio.Event()
    count = 0

    async def look() -> None:
        nonlocal count
        count += 1
        if count == 1:
            raise ZeroDivisionError("a defect")
        looked_again.set()

    monkeypatch.setattr(keeper, "refresh", look)
    try:
        async with asyncio.timeout(5):
            await looked_again.wait()
    finally:
        await keeper.close()
    assert "watching the catalog failed" in caplog.text
    assert "a defect" in caplog.text
