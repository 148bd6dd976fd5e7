"""The benchmark: each path through the service beside its ceiling, in one run.

    paths/       one module per path: what is measured, and beside what
    ceilings/    one module per ceiling: the least that a program can do for the same effect
    run.py       rounds over all of them; report.py and table.py tell what came out
    load.py      the load generator, a process of its own
    same_work.py proves that both sides left the same rows behind
    stock.py     the orders that are read and changed
    growth/      the same paths with more and more orders, and with longer and longer ones
    plot.py      draws either as SVG or PNG

docs/performance.md explains the figures. This module stays light: the command line reads it.
"""

__all__ = ["PATHS"]

#: The paths, in the order in which they are measured; each is a module in `paths`.
PATHS = (
    "sync-create",
    "async-accept",
    "bulk",
    "get-one",
    "get-list",
    "graphql-nested",
    "patch-line",
    "api-processes",
    "drain",
    "pick-up",
)
