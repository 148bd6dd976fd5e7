"""Fixtures of the contract tests, whose orders change what is installed."""

from collections.abc import AsyncGenerator

import pytest

from support.api import Api
from support.installed import kept_inventories


@pytest.fixture
async def api(api: Api) -> AsyncGenerator[Api]:
    """The application over the demo catalog, whose product inventories are given back."""
    async with kept_inventories(api.database):
        yield api
