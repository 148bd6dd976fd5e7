"""The facts of a run that figures depend on: processor, memory, versions, commit."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import msgspec

from ordering.db.connection import Connection

__all__ = ["Machine", "describe_machine"]

_GIBIBYTE = 1024**3


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run was made. `load_average` is that of the minute before it started."""

    processors: int
    processor_model: str
    architecture: str
    memory_gib: float
    system: str
    python: str
    postgres: str
    commit: str | None
    load_average: float


async def describe_machine(connection: Connection) -> Machine:
    """Collect the facts; `commit` is absent where the source is in no repository."""
    return Machine(
        processors=os.cpu_count() or 1,
        processor_model=_processor_model(),
        architecture=platform.machine(),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIBIBYTE, 1),
        system=platform.system(),
        python=platform.python_version(),
        postgres=await connection.fetchval("SHOW server_version"),
        commit=_commit(),
        load_average=round(os.getloadavg()[0], 2),
    )


def _processor_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor() or "unknown"


def _commit() -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(
        [git, "rev-parse", "--short=12", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        check=False,
        text=True,
    )
    return done.stdout.strip() or None
