"""Logging: one JSON object per line on standard error, with the correlation id of the request."""

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

import msgspec

__all__ = ["correlation_id", "set_up_logging"]

#: The id under which the current request or job is found in the log.
correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)


class _JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; exceptions keep their trace in `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (identity := correlation_id.get()) is not None:
            line["correlation_id"] = identity
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def set_up_logging(level: str) -> None:
    """Send all log records of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # A line per request belongs to the proxy in front of us, a line per ring of the bell nowhere.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").addFilter(_is_no_websocket)
    logging.getLogger("arq").setLevel(logging.WARNING)


def _is_no_websocket(record: logging.LogRecord) -> bool:
    """Tell the server's own lines from those about each WebSocket, which it logs beside them."""
    return not str(record.msg).startswith(
        ('%s - "WebSocket ', "connection open", "connection closed")
    )
