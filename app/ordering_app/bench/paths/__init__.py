"""The paths that are measured: a module each, with `opened`, which makes it ready.

A module starts its ceilings, proves that both sides do the same work, and yields contenders and
comparisons. To add one, write the module and name it in `ordering_app.bench.PATHS`.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from ordering_app.bench.model import Path
from ordering_app.bench.paths import (
    api_processes,
    async_accept,
    bulk,
    drain,
    get_list,
    get_one,
    graphql_nested,
    patch_line,
    pick_up,
    sync_create,
)
from ordering_app.bench.place import Bench

__all__ = ["OPENERS"]

#: How each path is made ready, by its name.
OPENERS: Mapping[str, Callable[[Bench], AbstractAsyncContextManager[Path]]] = {
    "sync-create": sync_create.opened,
    "async-accept": async_accept.opened,
    "bulk": bulk.opened,
    "get-one": get_one.opened,
    "get-list": get_list.opened,
    "graphql-nested": graphql_nested.opened,
    "patch-line": patch_line.opened,
    "api-processes": api_processes.opened,
    "drain": drain.opened,
    "pick-up": pick_up.opened,
}
