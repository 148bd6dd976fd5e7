"""Get one order, whole, by its id."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ordering_app.bench.model import Path
from ordering_app.bench.paths.reading import reading
from ordering_app.bench.paths.stored import stocked_targets
from ordering_app.bench.place import Bench

__all__ = ["opened"]


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path; every order in stock is read in turn."""
    targets = await stocked_targets(bench)
    async with reading(bench, "get-one", "GET one order", targets) as path:
        yield path
