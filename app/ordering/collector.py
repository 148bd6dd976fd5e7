"""Python's garbage collector, kept out of the way of requests and batches."""

import gc

__all__ = ["spare_collector"]


def spare_collector() -> None:
    """Call once everything that lives for ever is there.

    It is put out of the collector's sight, and the collector is called less often: with the
    defaults its pauses are the slowest percent of all requests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
