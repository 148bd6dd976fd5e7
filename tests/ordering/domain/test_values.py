"""Value objects: how they are encoded, and what cannot become a member of them."""

import gc
from decimal import Decimal

import msgspec
import pytest

from ordering.domain.numbers import Number
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import Amount, Extras, Note, PartyRef, Place, Price, decode_hook, encode
from support.found import draft_of
from support.payloads import order


def test_members_have_the_names_of_the_api_and_absent_ones_are_left_out() -> None:
    value = PartyRef(id="1", type="RelatedParty", referred_type="Customer", type_alias="Customer")
    assert encode(value) == (
        b'{"id":"1","@type":"RelatedParty","@referredType":"Customer","type":"Customer"}'
    )
    assert encode(PartyRef()) == b"{}"


@pytest.mark.parametrize("digits", ["20", "20.00", "20.5", "0.1", "0", "-1.10", "1E+5", "1e-12"])
def test_decimals_are_numbers_with_the_digits_that_were_given(digits: str) -> None:
    encoded = encode(Amount(unit="USD", value=Number(digits)))
    assert encoded == f'{{"unit":"USD","value":{Decimal(digits)}}}'.encode()


def test_moments_are_shown_in_utc_with_milliseconds() -> None:
    note = Note(date=Timestamp.parse("2021-05-02T10:13:59.506+02:00"))
    assert encode(note) == b'{"date":"2021-05-02T08:13:59.506Z"}'


def test_unknown_attributes_come_back_among_the_members_at_each_level() -> None:
    price = Price(
        tax_included_amount=Amount(unit="USD", extras=Extras({"a/b": {"~": Decimal("1.10")}})),
        extras=Extras({"@baseType": "Money", "list": [None, True]}),
    )
    assert encode([price, Place(id="1")]) == (
        b'[{"taxIncludedAmount":{"unit":"USD","a/b":{"~":1.10}},'
        b'"@baseType":"Money","list":[null,true]},{"id":"1"}]'
    )


def test_an_unknown_attribute_may_have_the_name_under_which_we_keep_them() -> None:
    assert encode(Place(id="1", extras=Extras({"~extras": 1}))) == b'{"id":"1","~extras":1}'


def test_text_that_looks_like_the_mark_is_text() -> None:
    assert encode(Place(id='"~extras"')) == b'{"id":"\\"~extras\\""}'


def test_no_client_can_send_the_type_in_which_unknown_attributes_are_kept() -> None:
    with pytest.raises(ValueError, match=r"^Unexpected member$"):
        decode_hook(Extras, {"id": "2"})
    with pytest.raises(msgspec.ValidationError, match=r"Unexpected member"):
        msgspec.json.decode(b'{"~extras": {}}', type=Place, dec_hook=decode_hook)


def test_a_type_that_is_no_json_is_a_defect() -> None:
    with pytest.raises(NotImplementedError, match=r"^complex$"):
        encode(Place(id="1", extras=Extras({"x": 1j})))


def test_the_garbage_collector_need_not_look_at_what_clients_send() -> None:
    """An object that holds a list would be its business otherwise."""
    assert not gc.is_tracked(draft_of(order()))
