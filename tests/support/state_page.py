"""The tables of `docs/states.md`, rendered from the data that the code runs on.

`python tests/support/state_page.py` writes the page anew.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ordering.domain.actions import FOR_LINES, FOR_WHOLE_ORDERS, MOVES, Action
from ordering.domain.inventory import EFFECTS, MOVE
from ordering.domain.states import (
    INBOUND_TRANSITIONS,
    LINE_TRANSITIONS,
    ORDER_TRANSITIONS,
)

__all__ = ["PAGE", "fill"]

PAGE = Path(__file__).parents[2] / "docs" / "states.md"


def fill(page: str) -> str:
    """Put the tables where the page has its marks."""
    for name, table in (
        ("orders", _diagram(ORDER_TRANSITIONS)),
        ("lines", _more_for_lines()),
        ("actions", _actions()),
        ("inventories", _inventories()),
        ("inbound", _diagram(INBOUND_TRANSITIONS)),
    ):
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = page.partition(start)
        _, mark, after = rest.partition(end)
        assert mark, f"the page has no place for {name}"
        page = f"{before}{start}{table}\n{end}{after}"
    return page


def _diagram(table: Mapping[Any, Iterable[str]]) -> str:
    arrows = [f"    {one} --> {to}" for one, targets in table.items() for to in sorted(targets)]
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])


def _more_for_lines() -> str:
    return "\n".join(
        f"- `{one}` → {', '.join(f'`{to}`' for to in sorted(more))}"
        for one, targets in LINE_TRANSITIONS.items()
        if (more := targets - ORDER_TRANSITIONS[one])
    )


def _actions() -> str:
    rows = ["| action | from | to | for |", "|---|---|---|---|"]
    for action, moves in MOVES.items():
        whom = "orders, lines"
        if action in FOR_WHOLE_ORDERS:
            whom = "orders"
        if action in FOR_LINES:
            whom = "lines"
        back = "the state before, else " if action is Action.DENY_CANCELLATION else ""
        rows += [f"| `{action}` | `{one}` | {back}`{to}` | {whom} |" for one, to in moves.items()]
    return "\n".join(rows)


def _inventories() -> str:
    rows = [
        "| line's action | once approved | once completed |",
        "|---|---|---|",
    ]
    for name, effects in EFFECTS.items():
        approved: list[str] = []
        completed: list[str] = []
        if effects.named is not None:
            approved += [f"`{effects.named.approved}`"] if effects.named.approved else []
            completed.append(f"`{effects.named.completed}`")
        if effects.creates:
            approved.append("another is created, `installation_pending`")
            completed.append("the created one `active`")
        shown = "`change` to another place" if name == MOVE else f"`{name}`"
        rows.append(f"| {shown} | {'; '.join(approved) or '—'} | {'; '.join(completed) or '—'} |")
    return "\n".join(rows)


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text()))
