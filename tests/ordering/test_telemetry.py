"""Logging: one JSON object per line, with the correlation id and the trace of an exception."""

import json
import logging
import re
from collections.abc import Generator
from typing import Any

import pytest

from ordering.telemetry import correlation_id, set_up_logging

_log = logging.getLogger("tests.telemetry")


@pytest.fixture(autouse=True)
def restored_logging() -> Generator[None]:
    """Give the process its logging back; pytest's own handlers hang on the root logger."""
    root = logging.getLogger()
    access, arq = logging.getLogger("uvicorn.access"), logging.getLogger("arq")
    before = root.handlers[:], root.level, access.disabled, arq.level
    # `force` closes the handlers that it removes, so those of pytest must not be found there.
    root.handlers = []
    yield
    root.handlers, root.level = before[:2]
    access.disabled, arq.level = before[2:]


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_record_is_one_line_of_json_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("INFO")
    _log.warning("order %s\nof %s", "PO-1", "Ünïcode")
    (line,) = _lines(capsys)
    time = line.pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", time)
    assert line == {
        "level": "WARNING",
        "logger": "tests.telemetry",
        "message": "order PO-1\nof Ünïcode",
    }


def test_the_level_is_the_least_severity(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("WARNING")
    _log.info("unimportant")
    _log.warning("important")
    assert [line["message"] for line in _lines(capsys)] == ["important"]


def test_setting_up_twice_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("INFO")
    set_up_logging("INFO")
    _log.info("once")
    assert [line["message"] for line in _lines(capsys)] == ["once"]


def test_the_correlation_id_is_in_the_lines_of_its_context(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("INFO")
    token = correlation_id.set("c-1")
    try:
        _log.info("inside")
    finally:
        correlation_id.reset(token)
    _log.info("outside")
    inside, outside = _lines(capsys)
    assert inside["correlation_id"] == "c-1"
    assert "correlation_id" not in outside


def test_an_exception_keeps_its_trace_in_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("INFO")
    try:
        int("many")
    except ValueError:
        _log.exception("it failed")
    (line,) = _lines(capsys)
    assert (line["level"], line["message"]) == ("ERROR", "it failed")
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith(
        "\nValueError: invalid literal for int() with base 10: 'many'"
    )


def test_lines_per_request_per_socket_and_per_ring_of_the_bell_are_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("INFO")
    logging.getLogger("uvicorn.access").error("GET /")
    logging.getLogger("arq.worker").info("job done")
    logging.getLogger("arq.worker").warning("job failed")
    logging.getLogger("uvicorn.error").info("connection open")
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "a", "/graphql")
    logging.getLogger("uvicorn.error").info("started")
    assert [line["message"] for line in _lines(capsys)] == ["job failed", "started"]
