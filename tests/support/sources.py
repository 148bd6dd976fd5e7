"""The files of this repository: what git tracks, and what it would take up."""

import subprocess
from pathlib import Path

__all__ = ["MIGRATIONS", "ROOT", "SOURCE_ROOTS", "python_sources", "sources"]

ROOT = Path(__file__).parents[2]

#: The folders that hold Python; each of the first four is a source root.
SOURCE_ROOTS = ("app", "rest", "graphql", "jobs", "tests")

#: Generated code: read before it is merged, not measured.
MIGRATIONS = "app/ordering/db/migrations/"


def sources(*folders: str) -> list[str]:
    """List the files below the folders, or all, as paths from the top of the repository.

    Files that are not yet tracked count too, unless they are ignored; deleted ones do not.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
    listed = subprocess.run(
        [*command, *folders], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return sorted({path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()})


def python_sources() -> list[str]:
    """List the Python files of the service and of its tests."""
    return [path for path in sources(*SOURCE_ROOTS) if path.endswith(".py")]
