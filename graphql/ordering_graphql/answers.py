"""Answers and errors as GraphQL over HTTP has them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from graphql import GraphQLError

from ordering.domain.errors import OrderingError
from ordering.telemetry import correlation_id
from ordering_graphql.plan.binding import ArgumentError

__all__ = [
    "Answer",
    "answer_data",
    "answer_errors",
    "show_argument_error",
    "show_defect",
    "show_document_error",
    "show_ordering_error",
]


#: What `application/graphql-response+json` says of an answer without data, by the code of its first
#: error; 400 for all others, which are about the request.
_STRICT = {"AccessDenied": 403, "Internal": 500, "Timeout": 504}


class Answer(msgspec.Struct, frozen=True):
    """A body of JSON with its HTTP status.

    GraphQL over HTTP has two media types: with `application/json` a request that is well-formed is
    200 whatever becomes of it, with `application/graphql-response+json` the status is `strict`.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}
    strict: int = 200


def answer_data(data: str, extensions: Mapping[str, Any]) -> Answer:
    """Answer data, which is JSON already."""
    body = b'{"data":%b,"extensions":%b}' % (data.encode(), msgspec.json.encode(extensions))
    return Answer(body)


def answer_errors(
    errors: Sequence[Mapping[str, Any]],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    extensions: Mapping[str, Any] | None = None,
) -> Answer:
    """Answer errors without data: nothing was executed, or nothing came of it."""
    body: dict[str, Any] = {"errors": errors}
    if extensions:
        body["extensions"] = extensions
    strict = status if status != 200 else _STRICT.get(errors[0]["extensions"]["code"], 400)
    return Answer(msgspec.json.encode(body), status, headers or {}, strict)


def show_document_error(error: GraphQLError, code: str = "InvalidDocument") -> dict[str, Any]:
    """Show what graphql-core says of a document or its variables."""
    return {**error.formatted, "extensions": {"code": code}}


def show_argument_error(error: ArgumentError) -> dict[str, Any]:
    """Show what is wrong with an argument: the path of its field, then its name."""
    return {
        "message": str(error),
        "extensions": {"code": error.code, "argument": ".".join(error.path)},
    }


def show_ordering_error(error: OrderingError) -> dict[str, Any]:
    """Show an error of ours."""
    code = type(error).__name__.removesuffix("Error")
    return {"message": str(error), "extensions": {"code": code}}


def show_defect() -> dict[str, Any]:
    """Tell nothing but where to look it up in the log."""
    found_by: Iterable[tuple[str, Any]] = (
        ("code", "Internal"),
        ("correlationId", correlation_id.get()),
    )
    return {"message": "Internal error", "extensions": dict(found_by)}
