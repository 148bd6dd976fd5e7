"""From a question to what is subscribed to: a plan that is run again after each change."""

from collections.abc import Collection
from typing import Any, cast
from uuid import UUID

import msgspec
from graphql import OperationType

from ordering.access.roles import Permission
from ordering.domain import messages
from ordering.domain.ids import parse_id
from ordering.events.watch import Subject
from ordering_graphql.answers import answer_data, show_document_error
from ordering_graphql.documents import RefusedError
from ordering_graphql.engine import Engine, Question
from ordering_graphql.plan.binding import ArgumentError, Asker
from ordering_graphql.plan.compiler import Plan
from ordering_graphql.plan.values import Value

__all__ = ["OperationError", "Subscribed", "is_subscription", "read_subscription"]

#: What the root fields are about.
_SUBJECTS = {"orderChanged": Subject.ORDER, "inboundRequestChanged": Subject.REQUEST}


class OperationError(Exception):
    """An operation cannot begin, or cannot go on; `errors` are shown to the client."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


class Subscribed(msgspec.Struct, frozen=True):
    """What is subscribed to.

    The statement of `plan` answers the sign of the subject, a line feed and the JSON of `data`; or
    nothing while there is no such order or request. `extensions` go with each answer.
    """

    subject: Subject
    order_id: UUID
    plan: Plan
    values: tuple[object, ...]
    extensions: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """The same for those who are answered the same."""
        return self.plan.sql, repr(self.values)

    def answer(self, data: str) -> bytes:
        """Put an answer together."""
        return answer_data(data, self.extensions).body


def is_subscription(engine: Engine, question: Question) -> bool:
    """Tell whether a question is one. Raises `OperationError` for a document with errors."""
    try:
        query = engine.trusted.choose(question.query, question.document_id)
        operation = engine.documents.operation(query, question.operation_name)
    except RefusedError as error:
        raise _refused(error) from None
    return operation.node.operation is OperationType.SUBSCRIPTION


def read_subscription(
    engine: Engine, question: Question, permissions: Collection[Permission]
) -> Subscribed:
    """Read what is subscribed to. Raises `OperationError` for all that is wrong with it."""
    try:
        return _read(engine, question, permissions)
    except RefusedError as error:
        raise _refused(error) from None


def _read(engine: Engine, question: Question, permissions: Collection[Permission]) -> Subscribed:
    documents = engine.documents
    query = engine.trusted.choose(question.query, question.document_id)
    operation = documents.operation(query, question.operation_name)
    variables = documents.variables(operation, question.variables)
    plan = documents.plan(operation, variables)
    values, wrong = plan.bind(Asker(variables.coerced, permissions))
    name, path, given = documents.root_field(operation, variables)
    order_id = parse_id(str(cast("Value", given["id"]).read(variables.coerced)))
    if order_id is None:
        wrong.append(ArgumentError(messages.ID_INVALID, (path, "id"), member="id"))
    errors = engine.show_wrong(plan, wrong)
    if errors or order_id is None:
        raise OperationError(errors)
    subject = _SUBJECTS[name]
    sign = subject.sign.format(id=f"${len(values) + 1}::uuid")
    signed = msgspec.structs.replace(
        plan, sql=f"SELECT coalesce({sign} || E'\\n' || ({plan.sql}), '')"
    )
    return Subscribed(subject, order_id, signed, (*values, order_id), engine.show_cost(plan))


def _refused(error: RefusedError) -> OperationError:
    return OperationError([show_document_error(each) for each in error.errors])
