"""Folders for the servers: open to everybody, or below a parent that is closed to others."""

import secrets
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ordering_app.embedded import Embedded


@contextmanager
def open_folder() -> Generator[Path]:
    """Make a folder which any user can pass; pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="ordering-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """Give a data folder that was served before; tests share it and leave it in order."""
    with open_folder() as path:
        with Embedded(path / "data", state=path / "state"):
            pass
        yield path / "data"


@pytest.fixture
def area() -> Iterator[Path]:
    """Give a folder which any user can pass."""
    with open_folder() as path:
        yield path


@pytest.fixture
def table() -> str:
    """Give a table's name that no other test uses."""
    return f"kept_{secrets.token_hex(8)}"


@pytest.fixture
def data(area: Path) -> Path:
    """Give the path of a data folder, not yet there."""
    return area / "data"


@pytest.fixture
def state(area: Path) -> Path:
    """Give the path for what the servers' account cannot reach in the data folder."""
    return area / "state"
