"""What `fields` asks for and a face leaves out, picked from encoded JSON."""

import pytest

from ordering_rest.fields import Selection, Tree, grow, read_fields

DOCUMENT = (
    b'{"id":"1","state":"new","amount":20.50,"large":12345678901234567890.10,'
    b'"item":[{"id":"a","product":{"id":"p","place":{"id":"x","@type":"Place"}}},{"id":"b"}],'
    b'"none":0,"empty":[],"a.b":1}'
)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], None),
        ([""], None),
        ([" , ,"], None),
        (["none"], {}),
        (["id"], {"id": None}),
        (["id, state ,,id"], {"id": None, "state": None}),
        (["id", "state,none"], {"id": None, "state": None}),
        (["a.b", "a.c.d"], {"a": {"b": None, "c": {"d": None}}}),
        (["a.b", "a"], {"a": None}),
        (["a", "a.b"], {"a": None}),
        (["a", "a.b.c", "d"], {"a": None, "d": None}),
        (["a..b", ".c"], {"a": {"": {"b": None}}, "": {"c": None}}),
    ],
)
def test_fields_are_read(texts: list[str], expected: Tree | None) -> None:
    assert read_fields(texts) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["id", "nothing"], b'{"id":"1"}'),
        (["nothing"], b"{}"),
        ([], b"{}"),
        (["state", "id"], b'{"id":"1","state":"new"}'),
        (["amount", "large"], b'{"amount":20.50,"large":12345678901234567890.10}'),
        (["item.id"], b'{"item":[{"id":"a"},{"id":"b"}]}'),
        (["item.product.id"], b'{"item":[{"product":{"id":"p"}},{}]}'),
        (
            ["item.product.place.@type", "item.id"],
            b'{"item":[{"id":"a","product":{"place":{"@type":"Place"}}},{"id":"b"}]}',
        ),
        (["item.product.nothing", "id.x", "empty.x"], b"{}"),
        (["empty"], b'{"empty":[]}'),
        (["a.b"], b"{}"),
    ],
)
def test_only_what_is_asked_for_is_picked(names: list[str], expected: bytes) -> None:
    assert Selection(grow(names)).pick(DOCUMENT) == expected


def test_everything_is_the_document_itself() -> None:
    assert Selection().pick(DOCUMENT) is DOCUMENT


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["b", "nothing", "a.nothing"], b'{"a":[{"x":1,"y":2.0},{"y":3}],"c":{"x":4}}'),
        (["a.y", "b"], b'{"a":[{"x":1},{}],"c":{"x":4}}'),
        (["a", "b.x", "c.x"], b'{"b":"1","c":{}}'),
    ],
)
def test_what_is_left_out_is_not_picked(names: list[str], expected: bytes) -> None:
    document = b'{"a":[{"x":1,"y":2.0},{"y":3}],"b":"1","c":{"x":4}}'
    assert Selection(None, grow(names)).pick(document) == expected


def test_asking_does_not_bring_back_what_is_left_out() -> None:
    selection = Selection(grow(["a", "b.x"]), grow(["a.y", "b"]))
    assert selection.pick(b'{"a":{"x":1,"y":2},"b":{"x":3},"c":4}') == b'{"a":{"x":1}}'


def test_white_space_of_the_document_does_no_harm() -> None:
    selection = Selection(grow(["a.b"]))
    assert selection.pick(b' { "a" : [ { "b" : 1.0 , "c" : 2 } ] } ') == b'{"a":[{"b":1.0}]}'


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (None, {"a", "a.b", "a.b.c"}),
        ([], set[str]()),
        (["x"], set[str]()),
        (["a"], {"a", "a.b", "a.b.c"}),
        (["a.x"], {"a"}),
        (["a.b.c"], {"a", "a.b", "a.b.c"}),
        (["a.b.c.d"], {"a", "a.b", "a.b.c"}),
    ],
)
def test_what_is_shown_is_known_beforehand(names: list[str] | None, shown: set[str]) -> None:
    selection = Selection(None if names is None else grow(names))
    paths = ["a", "a.b", "a.b.c"]
    assert {path for path in paths if selection.shows(*path.split("."))} == shown


def test_what_is_left_out_is_not_shown() -> None:
    selection = Selection(None, grow(["a.b"]))
    assert [selection.shows("a"), selection.shows("a", "c")] == [True, True]
    assert [selection.shows("a", "b"), selection.shows("a", "b", "c")] == [False, False]


def test_names_as_deep_as_an_url_allows_do_no_harm() -> None:
    fields = read_fields([".".join("a" * 30_000), "id"])
    assert Selection(fields).pick(b'{"a":{"a":{"a":1}},"id":"1"}') == b'{"id":"1"}'
