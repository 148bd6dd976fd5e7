"""How long tests of chance go on: short in CI, long under `make chaos`."""

import os

__all__ = ["LONG", "MINUTES", "SEED"]

#: How long `make chaos` is to take; none in CI.
MINUTES = float(os.environ.get("CHAOS_MINUTES", "0"))

#: Whether there is time to try everything.
LONG = MINUTES > 0

#: What chance begins with; the same in each run of CI.
SEED = int(os.environ.get("CHAOS_SEED", "1"))
