"""The schema breaks no document of the last released one; and the check finds what would.

Released schemas are kept as `graphql/released/schema-VERSION.graphql`, as the contracts are
(tests/contract/test_compatibility.py): a release adds its own, and until then this is the newest.
"""

import re
from pathlib import Path

import pytest
from graphql import build_schema, find_breaking_changes

from ordering_graphql.schema import print_sdl
from support.sources import ROOT

RELEASED = ROOT / "graphql" / "released"
_NAME = re.compile(r"schema-(\d+)\.(\d+)\.(\d+)\.graphql")


def newest_released() -> Path:
    """Find the newest released schema."""
    found = {
        tuple(map(int, released.groups())): path
        for path in RELEASED.iterdir()
        if (released := _NAME.fullmatch(path.name))
    }
    return found[max(found)]


def breaks(released: str, now: str) -> list[str]:
    """Tell what a document, or a client, of the released schema would miss."""
    found = find_breaking_changes(build_schema(released), build_schema(now))
    return [f"{each.type.name}: {each.description}" for each in found]


def test_no_document_of_the_released_schema_breaks() -> None:
    assert breaks(newest_released().read_text(encoding="utf-8"), print_sdl()) == []


def test_released_files_tell_their_version() -> None:
    assert [each.name for each in RELEASED.iterdir() if not _NAME.fullmatch(each.name)] == []


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("  state: OrderState!\n", "  phase: OrderState!\n", "FIELD_REMOVED"),
        ("  state: OrderState!\n", "  state: OrderState\n", "FIELD_CHANGED_KIND"),
        ("  ponr: Boolean!\n", "  ponr: String!\n", "FIELD_CHANGED_KIND"),
        ("  party: String\n", "  buyer: String\n", "FIELD_REMOVED"),
        ("  party: String\n", "  party: String!\n", "FIELD_CHANGED_KIND"),
        ("\n  assessing_cancellation\n", "\n", "VALUE_REMOVED_FROM_ENUM"),
        ("orders(\n", "orders(\n    mine: Boolean!\n", "REQUIRED_ARG_ADDED"),
    ],
)
def test_what_breaks_is_found(old: str, new: str, kind: str) -> None:
    released = print_sdl()
    assert old in released
    found = breaks(released, released.replace(old, new))
    assert {each.partition(":")[0] for each in found} == {kind}


def test_what_is_added_breaks_nothing() -> None:
    released = print_sdl()
    added = released.replace("  party: String\n", "  party: String\n  buyer: String\n")
    added = added.replace("  ponr: Boolean!\n", "  ponr: Boolean!\n  more: Int\n")
    assert added != released
    assert breaks(released, added) == []
