"""How long to wait until what failed is tried again."""

import random
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Backoff", "spread_evenly"]

#: Doubling more often than this overflows a float somewhere; the limit was reached long before.
_MOST_DOUBLINGS = 30


def spread_evenly() -> float:
    """Draw a factor from 0.5 to 1.5, so that waits that begin together do not end together."""
    return random.uniform(0.5, 1.5)  # noqa: S311 - no secret


class Backoff(NamedTuple):
    """Waits that double from `first_s` up to `most_s` seconds, each times what `spread` draws."""

    first_s: float
    most_s: float
    spread: Callable[[], float] = spread_evenly

    def wait_s(self, failures: int) -> float:
        """Tell how many seconds to wait after so many failures in a row, 1 or more."""
        doubled = self.first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        return min(doubled, self.most_s) * self.spread()
