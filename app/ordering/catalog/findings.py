"""What is wrong with a catalog file: every problem, with the place where it is."""

from collections.abc import Sequence

from ordering.domain.errors import Problem, TerminalError
from ordering.domain.wording import MOST_SHOWN

__all__ = ["CatalogError", "CatalogProblem", "Findings"]

_INVALID_FIELD = 24


class CatalogProblem(Problem, frozen=True, kw_only=True):
    """One thing that is wrong with a file.

    `line` counts from 1 and is known for NDJSON and YAML. `pointer` (RFC 6901) starts at the
    record in NDJSON files, else at the whole document.
    """

    file: str
    line: int | None = None

    def show(self) -> str:
        """Show it on one line, the way compilers do."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.pointer, self.message) if part)


class CatalogError(TerminalError):
    """A file cannot be loaded; nothing of it was.

    `findings` holds the first problems, `total` counts all of them.
    """

    def __init__(self, findings: Sequence[CatalogProblem], total: int) -> None:
        super().__init__(findings)
        self.findings = tuple(findings)
        self.total = total

    def __str__(self) -> str:
        lines = [finding.show() for finding in self.findings]
        if self.total > len(lines):
            lines.append(f"and {self.total - len(lines)} more")
        return "\n".join(lines)


class Findings:
    """Collects the problems of one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._kept: list[CatalogProblem] = []
        #: All problems, also those that were not kept.
        self.total = 0
        #: Whether a part of the file could not be read at all.
        self.incomplete = False

    def note(self, message: str, pointer: str = "", line: int | None = None) -> None:
        """Keep a problem; beyond the limit, count it."""
        self.total += 1
        if len(self._kept) < MOST_SHOWN:
            self._kept.append(
                CatalogProblem(message, pointer, _INVALID_FIELD, file=self._file, line=line)
            )

    def note_unreadable(self, message: str, pointer: str = "", line: int | None = None) -> None:
        """Keep a problem that hides a part of the file."""
        self.incomplete = True
        self.note(message, pointer, line)

    def count(self, more: int) -> None:
        """Count problems that were found but not looked at one by one."""
        self.total += more

    def raise_any(self) -> None:
        """Raise `CatalogError` if there is any problem."""
        if self.total:
            in_order = sorted(self._kept, key=lambda one: one.line or 0)
            raise CatalogError(in_order, self.total)
