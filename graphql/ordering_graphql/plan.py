"""From a document's selection to the branches that the reader needs.

The reader's statements depend on the branches only, so a document costs the same number of
statements whatever it finds.
"""

from collections.abc import Iterable, Iterator

from strawberry.types.nodes import SelectedField, Selection

from ordering.orders.reader import Branch

__all__ = ["branches_of"]

_BRANCHES = {
    "lineItems": Branch.LINE_ITEMS,
    "characteristics": Branch.CHARACTERISTICS,
    "workNotes": Branch.WORK_NOTES,
}


def branches_of(selections: Iterable[Selection]) -> Branch:
    """Collect the branches that a selection names, at any depth, through fragments too."""
    branches = Branch.NONE
    for name in _names(selections):
        branches |= _BRANCHES.get(name, Branch.NONE)
    return branches


def _names(selections: Iterable[Selection]) -> Iterator[str]:
    for selection in selections:
        if isinstance(selection, SelectedField):
            yield selection.name
        yield from _names(selection.selections)
