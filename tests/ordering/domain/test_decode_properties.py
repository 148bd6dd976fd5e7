"""Properties of decoding, for any payload: nothing is lost, both passes agree, nothing crashes."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import event, given
from hypothesis import strategies as st

from ordering.domain.capture import Circumstances, capture
from ordering.domain.decode import decode_order
from ordering.domain.errors import InvalidRequestError
from ordering.domain.ids import new_id
from ordering.domain.rules import Policy, check
from ordering.domain.timestamps import now
from ordering.domain.values import encode
from support.found import demo_references
from support.generated import any_json, normal, odd_orders, orders, plain_orders, same
from support.payloads import Payload, item, order, related, to_json

_FOUND = demo_references()
_exact = msgspec.json.Decoder(float_hook=Decimal)

#: An unknown attribute whose text holds `\u0000` in its escaped form: it is kept, and it keeps
#: the decoder from its fast pass.
_PROBE = b'"probe":"\\\\u0000"'


@given(orders())
def test_what_is_sent_comes_back(payload: Payload) -> None:
    draft, problems = decode_order(to_json(payload))
    assert problems == []
    assert same(_exact.decode(encode(draft)), normal(payload))


@given(orders())
def test_decoding_what_was_encoded_changes_nothing(payload: Payload) -> None:
    once = decode_order(to_json(payload))
    assert decode_order(encode(once.draft)) == once


@given(plain_orders())
def test_the_fast_and_the_thorough_pass_agree(payload: Payload) -> None:
    body = to_json(payload)
    fast = decode_order(body)
    thorough = decode_order(body[:-1] + (b"," if payload else b"") + _PROBE + b"}")
    assert thorough.draft.extras == {"probe": "\\u0000"}
    thorough.draft.extras = None
    assert fast.problems == thorough.problems == []
    assert fast.draft == thorough.draft


def _take(body: bytes) -> str:
    """Do with a body all that is done with the body of a request; tell how it ended."""
    try:
        decoded = decode_order(body)
    except InvalidRequestError:
        return "no object"
    if check(decoded, _FOUND, Policy()):
        return "wrong shape" if decoded.problems else "against the rules"
    how = Circumstances(order_id=new_id(), client="client", moment=now())
    captured = capture(decoded.draft, _FOUND, how)
    assert len(captured.line_items) == len(decoded.draft.items)
    return "taken"


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoder(body: bytes) -> None:
    event(_take(body))


@given(any_json)
def test_no_json_crashes_the_decoder(value: Any) -> None:
    event(_take(to_json(value)))


@given(odd_orders())
def test_no_order_however_odd_crashes_decoder_rules_or_capture(payload: Payload) -> None:
    event(_take(to_json(payload)))


_VALID = to_json(
    order(
        items=[
            item("1", itemPrice=[{"price": {"taxIncludedAmount": {"unit": "USD", "value": 20}}}]),
            item("2", productOrderItemRelationship=[related("1")]),
        ],
        orderDate="2021-05-02T08:13:59.506Z",
        note=[{"text": "first"}],
        channel=[{"id": "2"}],
    )
)
_SPLICES = st.sampled_from(
    [
        *(b"\\u0000", b"\x00", b"\xff", b"\\ud800", b"\xef\xbb\xbf", b'"', b",", b"{", b"}", b"]"),
        *(b"null", b"1e99999", b"-1e-99999", b'"NaN"', b'"sNaN"', b'"Infinity"', b"9" * 5_000),
        *(b"1e9999999999999999999999", b"[" * 2_000, b'{"~extras":null}', b"true", b"[]", b"{}"),
    ]
)


@given(st.data())
def test_no_damage_to_a_valid_body_crashes_decoder_rules_or_capture(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(_VALID)))
    end = data.draw(st.integers(start, min(start + 20, len(_VALID))))
    event(_take(_VALID[:start] + data.draw(_SPLICES | st.binary(max_size=8)) + _VALID[end:]))


_VALUES = [b":1,", b":20}", b':"1"', b':"2"', b':"USD"', b':"first"']


@given(st.sampled_from(_VALUES), _SPLICES)
def test_no_value_in_place_of_a_valid_one_crashes_decoder_rules_or_capture(
    piece: bytes, splice: bytes
) -> None:
    last = piece[-1:] if piece[-1:] in b",}" else b""
    body = _VALID.replace(piece, b":" + splice + last)
    assert body != _VALID
    event(_take(body))
