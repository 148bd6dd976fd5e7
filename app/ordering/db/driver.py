"""The driver of PostgreSQL, imported in one place.

asyncpg carries no types; what we use of it is written down in `connection` and `failures`.
"""

from importlib import import_module
from typing import Any

__all__ = ["asyncpg"]

asyncpg: Any = import_module("asyncpg")
