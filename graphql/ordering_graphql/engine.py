"""The way of a request through the house: document, plan, permissions, values, one statement."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from graphql import GraphQLError, GraphQLSchema, OperationType

from ordering.access.roles import Permission
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.db.failures import RETRYABLE, is_misuse, is_too_large
from ordering.domain import messages
from ordering.domain.errors import OrderingError, Problem, RetryableError
from ordering.settings import Settings
from ordering_graphql.answers import (
    Answer,
    answer_data,
    answer_errors,
    show_argument_error,
    show_document_error,
    show_ordering_error,
)
from ordering_graphql.documents import Documents, Operation, RefusedError
from ordering_graphql.plan.binding import ArgumentError, Asker
from ordering_graphql.plan.compiler import Plan
from ordering_graphql.schema import NODE_SOURCES, make_schema
from ordering_graphql.trusted import TrustedDocuments, read_trusted

__all__ = [
    "ASKERS",
    "AnswerTooLargeError",
    "Engine",
    "MisuseError",
    "Question",
    "StatementTimeoutError",
    "make_engine",
]

_log = logging.getLogger(__name__)

#: Who has one of these may ask; what is asked for needs one or the other.
ASKERS = (Permission.READ_ORDERS, Permission.READ_QUEUE)
#: Connections of the pool that are left to the other faces while documents are answered.
_LEFT_FREE = 4


class Question(msgspec.Struct, frozen=True):
    """What a client asks; `document_id` names a trusted document, instead of `query`."""

    query: str | None
    variables: Mapping[str, Any] = {}
    operation_name: str | None = None
    document_id: str | None = None


class StatementTimeoutError(Exception):
    """The statement of a document took longer than it may."""


class MisuseError(Exception):
    """The driver was called wrongly: a defect, where its own error looks as if the way was lost."""


class AnswerTooLargeError(Exception):
    """The answer has more bytes than it may, or than PostgreSQL can hold."""


#: A statement that answers nothing where the other answers too much: what is too large stays there.
#: Without OFFSET the planner would put the text in both places, and make it twice.
_BOUNDED = (
    "SELECT CASE WHEN octet_length(answer.text) <= {most} THEN answer.text END"
    " FROM ({sql} OFFSET 0) AS answer (text)"
)


class Engine:
    """Answers questions from a database.

    `max_cost` bounds how many rows a document may be charged for, `timeout_ms` how long its
    statement may run, `max_bytes` how large its answer may be, `at_once` how many run at the same
    time.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        introspection: bool,
        max_cost: int,
        timeout_ms: int,
        max_bytes: int,
        at_once: int,
    ) -> None:
        self.documents = Documents(schema, NODE_SOURCES, introspection=introspection)
        self.trusted = TrustedDocuments()
        self._max_cost = max_cost
        self._timeout_s = timeout_ms / 1000
        self._max_bytes = max_bytes
        self._turns = asyncio.Semaphore(at_once)

    async def answer(
        self, question: Question, database: Database, permissions: Collection[Permission]
    ) -> Answer:
        """Answer a question; what is wrong with it is told in the answer, defects are raised."""
        try:
            return await self._answer(question, database, permissions)
        except RefusedError as error:
            return answer_errors([show_document_error(each) for each in error.errors])
        except OrderingError as error:
            return _unavailable(error)
        except RETRYABLE as error:
            _log.warning("a query met a database that is away: %r", error)
            return _unavailable(RetryableError([Problem.of(messages.UNAVAILABLE)]))

    async def _answer(
        self, question: Question, database: Database, permissions: Collection[Permission]
    ) -> Answer:
        query = self.trusted.choose(question.query, question.document_id)
        operation = self.documents.operation(query, question.operation_name)
        if operation.node.operation is not OperationType.QUERY:
            raise RefusedError(
                [
                    GraphQLError(
                        "Only queries are answered here; subscriptions are over text/event-stream"
                        " or graphql-transport-ws"
                    )
                ]
            )
        variables = self.documents.variables(operation, question.variables)
        plan = self.documents.plan(operation, variables)
        if plan.introspects:
            return self._introspect(plan, operation, question.variables)
        extensions = self.show_cost(plan)
        values, wrong = plan.bind(Asker(variables.coerced, permissions))
        if errors := self.show_wrong(plan, wrong):
            return answer_errors(errors, extensions=extensions)
        if plan.text is not None:
            return answer_data(plan.text, extensions)
        try:
            return answer_data(await self.run(plan, values, database), extensions)
        except StatementTimeoutError as error:
            return answer_errors(
                [{"message": str(error), "extensions": {"code": "Timeout"}}], extensions=extensions
            )
        except AnswerTooLargeError as error:
            return answer_errors(
                [{"message": str(error), "extensions": {"code": "CostExceeded"}}],
                extensions=extensions,
            )

    def show_cost(self, plan: Plan) -> dict[str, Any]:
        """Show what a plan is charged, as extensions of its answer."""
        return {"cost": {"requested": plan.cost, "limit": self._max_cost}}

    def show_wrong(self, plan: Plan, wrong: Sequence[ArgumentError]) -> list[dict[str, Any]]:
        """Show why a plan is not run: what is wrong with its arguments, and its cost."""
        errors = [show_argument_error(each) for each in wrong]
        if plan.cost > self._max_cost:
            told = messages.COST_EXCEEDED.text.format(cost=plan.cost, limit=self._max_cost)
            errors.append({"message": told, "extensions": {"code": "CostExceeded"}})
        return errors

    async def run(self, plan: Plan, values: Sequence[object], database: Database) -> str:
        """Run a plan's statement; returns the JSON of `data`.

        Raises `StatementTimeoutError`, `AnswerTooLargeError`, `MisuseError`, and what the driver
        raises for a database that is away or has no connection free.
        """
        begun = False
        bounded = _BOUNDED.format(most=self._max_bytes, sql=plan.sql)
        try:
            # A statement that is no longer waited for is canceled by the driver.
            async with (
                asyncio.timeout(self._timeout_s),
                self._turns,
                database.acquire() as connection,
            ):
                begun = True
                text: str | None = await connection.fetchval(bounded, *values)
        except TimeoutError:
            if not begun:
                raise
            raise StatementTimeoutError(
                messages.QUERY_TIMEOUT.text.format(seconds=f"{self._timeout_s:g}")
            ) from None
        except asyncpg.InterfaceError as error:
            if is_misuse(error):
                raise MisuseError("the driver refuses a statement's values") from error
            raise
        except asyncpg.PostgresError as error:
            if not is_too_large(error):
                raise
            text = None
        if text is None:
            raise AnswerTooLargeError(messages.ANSWER_TOO_LARGE.text.format(limit=self._max_bytes))
        return text

    def _introspect(self, plan: Plan, operation: Operation, sent: Mapping[str, Any]) -> Answer:
        """Answer what the schema says of itself, as graphql-core does."""
        if plan.text is None:
            told = "Ask the schema about itself in a document of its own"
            raise RefusedError([GraphQLError(told)])
        result = self.documents.introspect(operation, sent)
        if result.errors:
            raise RefusedError(result.errors)
        return Answer(msgspec.json.encode({"data": result.data}))


def make_engine(settings: Settings) -> Engine:
    """Make the engine of a process; introspection is for development.

    Raises `SettingsError` if the trusted documents cannot be read.
    """
    engine = Engine(
        make_schema(),
        introspection=settings.development,
        max_cost=settings.graphql_max_cost,
        timeout_ms=settings.graphql_timeout_ms,
        max_bytes=settings.graphql_max_answer_bytes,
        at_once=max(1, settings.database_pool_size - _LEFT_FREE),
    )
    engine.trusted = read_trusted(
        settings.graphql_documents, engine.documents, only=settings.graphql_only_documents
    )
    return engine


def _unavailable(error: OrderingError) -> Answer:
    """Tell that the same may succeed later."""
    return answer_errors([show_ordering_error(error)], status=503, headers={"Retry-After": "1"})
