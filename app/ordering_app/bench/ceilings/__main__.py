"""`python -m ordering_app.bench.ceilings NAME`: serve a ceiling on ORDERING_HOST:ORDERING_PORT."""

import os
import sys

import uvicorn

from ordering_app.bench.ceilings import (
    accept_row,
    create_document,
    create_rows,
    graphql_executor,
    patch_rows,
    read_rows,
)
from ordering_app.bench.ceilings.bare import BareApp, Opener
from ordering_app.parent_watch import watch_parent

_CEILINGS: dict[str, Opener] = {
    "accept_row": accept_row.opened,
    "create_document": create_document.opened,
    "create_rows": create_rows.opened,
    "graphql_executor": graphql_executor.opened,
    "patch_rows": patch_rows.opened,
    "read_rows": read_rows.opened,
}


def main() -> None:
    """Serve with what `ordering api` gives uvicorn."""
    watch_parent()
    uvicorn.run(
        BareApp(os.environ["ORDERING_DATABASE_URL"], _CEILINGS[sys.argv[1]]),
        host=os.environ["ORDERING_HOST"],
        port=int(os.environ["ORDERING_PORT"]),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
    )


if __name__ == "__main__":
    main()
