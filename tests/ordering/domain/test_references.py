"""How the catalog chooses a version: the one named, else the newest published, else the newest."""

import pytest

from ordering.domain.ids import show_id
from ordering.domain.references import Catalog, Offering
from support.found import by_text, id_of, offering, specification
from support.payloads import OFFERING

_VERSIONS = [
    offering(version="1.0", internal_version=1, status="retired"),
    offering(version="2.0", internal_version=2, status="published"),
    offering(version="2.0", internal_version=3, status="published"),
    offering(version="3.0", internal_version=4, status="draft"),
]
_CATALOG = Catalog(offerings=by_text(_VERSIONS))


@pytest.mark.parametrize(
    ("version", "internal_version", "chosen"),
    [
        (None, None, 3),
        ("1.0", None, 1),
        ("2.0", None, 3),
        ("3.0", None, 4),
        (None, "2", 2),
        (None, "4", 4),
        ("2.0", "2", 2),
        ("2.0", "4", None),
        ("4.0", None, None),
        (None, "5", None),
        (None, "02", None),
        ("", None, None),
    ],
)
def test_the_version_that_is_named_is_found(
    version: str | None, internal_version: str | None, chosen: int | None
) -> None:
    found = _CATALOG.offering(OFFERING, version, internal_version)
    assert (found and found.internal_version) == chosen


def test_the_newest_published_version_is_found() -> None:
    assert _CATALOG.offering(OFFERING) == _VERSIONS[2]


@pytest.mark.parametrize("status", ["draft", "retired", "archived"])
def test_without_a_published_version_the_newest_is_found(status: str) -> None:
    versions = [offering(internal_version=number, status=status) for number in (1, 2)]
    assert Catalog(offerings=by_text(versions)).offering(OFFERING) == versions[1]


def test_nothing_is_found_under_another_text() -> None:
    assert _CATALOG.offering("") is None
    assert _CATALOG.offering(OFFERING.upper()) is None
    assert _CATALOG.specification(OFFERING) is None
    assert Catalog().offering(OFFERING) is None


def test_records_are_found_by_id_and_by_external_id() -> None:
    one = specification("fiber", internal_version=7)
    catalog = Catalog(specifications=by_text([one]))
    assert catalog.specification("fiber") == one
    assert catalog.specification(show_id(id_of("fiber"))) == one
    assert catalog.specification("fiber", "v1", "7") == one
    assert catalog.specification("fiber", "v1", "1") is None


def test_records_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        _VERSIONS[0].status = "published"  # pyright: ignore[reportAttributeAccessIssue] - the point
    assert isinstance(_VERSIONS[0], Offering)
