"""Blocks sent as bulks, at answers that no healthy service gives."""

import io

import httpx
import pytest

from ordering_app.importing import sending
from ordering_app.importing.blocks import Block
from ordering_app.importing.sending import Counts, Sender

ONE = b'{"line":1,"orderId":"0a"}\n'
END = b'{"bulk":{"state":"finished"}}\n'


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_PAUSE_S", 0)


def sent(*answers: bytes) -> tuple[Counts, list[str]]:
    """Send a block that is answered like this; returns its counts, and what was told meanwhile."""
    left = iter(answers)
    transport = httpx.MockTransport(lambda _: httpx.Response(202, content=next(left)))
    told: list[str] = []
    with httpx.Client(transport=transport, base_url="http://ordering") as http:
        return Sender(http, io.BytesIO(), told.append).send(Block(b"{}\n"), "k", 1), told


def test_an_answer_that_is_cut_within_a_line_is_asked_for_again() -> None:
    counts, told = sent(ONE + b'{"bulk":{"sta', ONE + END)
    assert counts == Counts(accepted=1)
    assert told == [
        "trying again: the answer has a line that is no result: Input data was truncated"
    ]


def test_a_repeat_that_breaks_off_is_asked_for_again_although_its_bulk_is_finished() -> None:
    end = b'{"bulk":{"state":"finished"},"errors":[{"message":"shutting down","datapath":""}]}\n'
    counts, told = sent(end, ONE + END)
    assert counts == Counts(accepted=1)
    assert told == ["trying again: shutting down"]
