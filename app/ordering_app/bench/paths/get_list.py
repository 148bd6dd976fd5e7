"""Get a list of 20 orders, whole: the default size of a page."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ordering_app.bench.model import Path
from ordering_app.bench.paths.reading import reading
from ordering_app.bench.paths.stored import stocked_targets
from ordering_app.bench.place import Bench
from ordering_app.demo.place import ORDER_PATH

__all__ = ["opened"]

_PAGE = 20


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path; every page of the stock is read in turn."""
    orders = len(await stocked_targets(bench))
    targets = [f"{ORDER_PATH}?limit={_PAGE}&offset={each}" for each in range(0, orders, _PAGE)]
    async with reading(bench, "get-list", f"GET list of {_PAGE}", targets) as path:
        yield path
