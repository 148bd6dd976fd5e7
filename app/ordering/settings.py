"""All settings, in one typed object, read from `ORDERING_*` environment variables.

`ordering settings` prints them with secrets masked; `docs/settings.md` lists them, and a test
holds that page against this module. The variable of a setting is its name in capitals behind
`ORDERING_`: `database_url` is `ORDERING_DATABASE_URL`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

__all__ = ["IMPORT_PASSWORD", "Described", "Settings", "SettingsError", "describe", "load_settings"]

PREFIX = "ORDERING_"

#: Holds the password of the client that `ordering import` calls the service as; no setting.
IMPORT_PASSWORD = f"{PREFIX}IMPORT_PASSWORD"
_SECRETS = frozenset({"database_url", "redis_url", "smtp_password"})

Url = Annotated[str, Meta(min_length=1)]
Port = Annotated[int, Meta(ge=1, le=65535)]
#: What PostgreSQL counts by is below 2^31, and so are seconds that a clock can wait for.
Positive = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Hours = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d\Z")]
Address = Annotated[str, Meta(pattern=r"^[^@\s,<>]+@[^@\s,<>]+\Z")]
Addresses = Annotated[str, Meta(pattern=r"^[^@\s,<>]+@[^@\s,<>]+(, *[^@\s,<>]+@[^@\s,<>]+)*\Z")]
Days = Annotated[int, Meta(ge=1, le=36_500)]


class SettingsError(Exception):
    """A setting has a value that cannot be used; the text names the variables."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one process. The text of a field's Meta is its documentation."""

    port: Annotated[Port, Meta(description="TCP port of the API.")] = 8000
    host: Annotated[str, Meta(description="Address that the API listens on.")] = "127.0.0.1"
    data: Annotated[
        str,
        Meta(description="Folder of the embedded servers' data and of `demo-clients.json`."),
    ] = "var"
    database_url: Annotated[
        Url | None,
        Meta(description="PostgreSQL (15 or newer) to use; absent: an embedded one."),
    ] = None
    redis_url: Annotated[
        Url | None,
        Meta(description="Redis or Valkey to use; absent: an embedded one."),
    ] = None
    database_pool_size: Annotated[
        Positive, Meta(description="Connections to PostgreSQL, at most, per process.")
    ] = 10
    development: Annotated[
        bool,
        Meta(description="Development mode: GraphQL introspection and the query page are on."),
    ] = False
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Meta(description="Least severity of the lines in the log."),
    ] = "INFO"
    max_body_bytes: Annotated[
        int,
        Meta(
            ge=1,
            # An order is one jsonb document when it is written, which bears 256 MiB.
            le=64 * 1024 * 1024,
            description="Largest JSON body, or line of a bulk, in bytes; 64 MiB at most.",
        ),
    ] = 16 * 1024 * 1024
    max_line_items: Annotated[
        int, Meta(ge=1, le=10_000, description="Most line items of one order, up to 10,000.")
    ] = 10_000
    create_product_order_validations_sync: Annotated[
        bool,
        Meta(
            description="Hold synchronous orders against catalog, parties, locations and inventory."
        ),
    ] = True
    create_product_order_validations_async: Annotated[
        bool,
        Meta(description="Hold asynchronous orders against the same before they are queued."),
    ] = True
    enable_validation_via_schedule_job: Annotated[
        bool,
        Meta(description="Hold queued orders against the same once more when they are created."),
    ] = False
    allow_spec_version_update_in_change_order: Annotated[
        bool,
        Meta(description="A change order may name another specification version than installed."),
    ] = True
    edit_new_orders: Annotated[
        bool, Meta(description="Orders in state new may be updated and canceled by their client.")
    ] = False
    revision_approval: Annotated[
        Literal["automatic", "manual"],
        Meta(description="Whether a revision of an order in progress waits for an approval."),
    ] = "automatic"
    default_order_currency: Annotated[
        str,
        Meta(
            description="Currency of an order on the deprecated path that has no price.",
            pattern="^[A-Z]{3}$",
        ),
    ] = "USD"
    disable_char_value_validation: Annotated[
        bool, Meta(description="Write no work notes about characteristics and their values.")
    ] = False
    queue_batch: Annotated[
        Positive, Meta(description="Records of the inbound queue that are claimed at once.")
    ] = 100
    queue_batch_bytes: Annotated[
        Positive,
        Meta(description="Bytes of payload claimed at once, unless one has more."),
    ] = 4 * 1024 * 1024
    queue_lease_s: Annotated[
        Positive,
        Meta(description="Seconds until the claim of a worker that stopped answering expires."),
    ] = 15
    queue_sweep_s: Annotated[
        Positive, Meta(description="Seconds between looks at the queue when no doorbell rings.")
    ] = 1
    queue_max_attempts: Annotated[
        Positive, Meta(description="Attempts at a record before it ends in error.")
    ] = 5
    queue_max_interruptions: Annotated[
        int,
        Meta(ge=1, le=100, description="Outages that interrupt a record before it ends in error."),
    ] = 10
    queue_retry_s: Annotated[
        Positive,
        Meta(description="Seconds before another attempt at a record; they double each time."),
    ] = 1
    queue_retry_max_s: Annotated[
        Positive, Meta(description="Most seconds before another attempt at a record.")
    ] = 300
    queue_max_runtime_s: Annotated[
        Positive,
        Meta(description="Seconds after which one run of draining ends, and the next one begins."),
    ] = 900
    queue_window: Annotated[
        Hours | None,
        Meta(description="Hours, UTC, in which the queue is drained (`22:00-06:00`); absent: all."),
    ] = None
    retention_success_days: Annotated[
        Days, Meta(description="Days for which records of created orders are kept.")
    ] = 10
    retention_failure_days: Annotated[
        Days, Meta(description="Days for which records that ended in error are kept.")
    ] = 30
    queue_serialise_accounts: Annotated[
        bool,
        Meta(description="Queued orders of one account are created one after another."),
    ] = False
    unique_external_ids: Annotated[
        bool,
        Meta(description="Refuse an order whose externalSystem and externalId another one has."),
    ] = False
    idempotency_hours: Annotated[
        int,
        Meta(
            ge=24,
            le=876_000,
            description="Hours for which the answer under an Idempotency-Key is kept.",
        ),
    ] = 24
    smtp_host: Annotated[
        Url | None,
        Meta(description="Server for e-mails about failed records; absent: none are sent."),
    ] = None
    smtp_port: Annotated[Port, Meta(description="Port of that server.")] = 587
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(description="How the way to that server is encrypted; its certificate is verified."),
    ] = "starttls"
    smtp_user: Annotated[
        str | None, Meta(description="User at that server; absent: none is named.")
    ] = None
    smtp_password: Annotated[str | None, Meta(description="Password of that user.")] = None
    smtp_from: Annotated[
        Address | None, Meta(description="Address that the e-mails come from.")
    ] = None
    smtp_to: Annotated[
        Addresses | None,
        Meta(description="Addresses that the e-mails go to, with commas between them."),
    ] = None
    smtp_gather_s: Annotated[
        Positive, Meta(description="Seconds for which failures are gathered for one e-mail.")
    ] = 60
    catalog_check_s: Annotated[
        Positive,
        Meta(description="Seconds between checks of the catalog revision (heals lost notices)."),
    ] = 5
    graphql_max_cost: Annotated[
        Positive,
        Meta(description="Rows that one GraphQL document may be charged for; above it: refused."),
    ] = 100_000
    graphql_documents: Annotated[
        Url | None,
        Meta(
            description="Folder of trusted GraphQL documents, `*.graphql`; absent: there are none."
        ),
    ] = None
    graphql_only_documents: Annotated[
        bool, Meta(description="Execute no GraphQL documents but the trusted ones.")
    ] = False
    graphql_timeout_ms: Annotated[
        Positive, Meta(description="Milliseconds after which a GraphQL document is given up.")
    ] = 5_000
    graphql_max_answer_bytes: Annotated[
        Positive,
        Meta(description="Bytes that `data` of a GraphQL answer may have; above it: refused."),
    ] = 32 * 1024 * 1024
    graphql_max_subscriptions: Annotated[
        Positive, Meta(description="GraphQL subscriptions at the same time, at most, per process.")
    ] = 10_000
    graphql_max_operations: Annotated[
        Positive, Meta(description="GraphQL operations at the same time, at most, per WebSocket.")
    ] = 50
    graphql_init_timeout_s: Annotated[
        Positive, Meta(description="Seconds until a WebSocket must have sent `connection_init`.")
    ] = 10
    graphql_sweep_s: Annotated[
        Positive,
        Meta(description="Seconds between looks at all watched orders (heals lost notices)."),
    ] = 5
    slow_client_s: Annotated[
        Positive,
        Meta(description="Seconds after which a client that takes nothing is cut off (Linux)."),
    ] = 30
    bulk_idle_s: Annotated[
        Positive,
        Meta(description="Seconds without a byte of its body after which a bulk is interrupted."),
    ] = 60
    credential_memory_s: Annotated[
        int,
        Meta(ge=0, le=60, description="Seconds for which a verified password is remembered."),
    ] = 60

    @property
    def data_folder(self) -> Path:
        """The data folder as an absolute path."""
        return Path(self.data).resolve()


class Described(NamedTuple):
    """A setting as it is shown to people."""

    variable: str
    value: object
    default: object
    description: str


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises `SettingsError` naming every variable that is unknown or has a value of the wrong kind:
    a misspelt variable must not be silently without effect.

    Kubernetes describes a Service named `ordering` to every container of its namespace, with our
    prefix: ORDERING_PORT=tcp://10.0.0.1:80, ORDERING_SERVICE_HOST, ORDERING_SERVICE_PORT_HTTP,
    ORDERING_PORT_80_TCP_ADDR and so on. Variables of exactly that shape are passed over.
    """
    hints = get_type_hints(Settings, include_extras=True)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for variable, text in environment.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or _is_foreign(variable, text):
            continue
        if name not in hints:
            problems.append(f"{variable} is no setting")
            continue
        try:
            values[name] = msgspec.convert(text, hints[name], strict=False)
        except msgspec.ValidationError as error:
            problems.append(f"{variable}: {error}")
    if values.get("smtp_host"):
        problems += [
            f"{PREFIX}{name.upper()} is needed beside {PREFIX}SMTP_HOST"
            for name in ("smtp_from", "smtp_to")
            if not values.get(name)
        ]
    if problems:
        raise SettingsError("; ".join(sorted(problems)))
    return Settings(**values)


#: Variables with our prefix that are no settings of the service.
_NOT_SETTINGS = frozenset({f"{PREFIX}PARENT_PID", IMPORT_PASSWORD})
_SERVICE_LINK = re.compile(rf"{PREFIX}(SERVICE_.*|PORT_\d+_.*)")


def _is_foreign(variable: str, text: str) -> bool:
    """Tell whether a variable with our prefix is the supervisor's or Kubernetes'."""
    if variable == f"{PREFIX}PORT":
        return text.startswith("tcp://")
    return variable in _NOT_SETTINGS or _SERVICE_LINK.fullmatch(variable) is not None


def describe(settings: Settings) -> Iterator[Described]:
    """List all settings with their values, secrets masked, and their documentation."""
    hints = get_type_hints(Settings, include_extras=True)
    for info in msgspec.structs.fields(Settings):
        value = getattr(settings, info.name)
        masked = "***" if info.name in _SECRETS and value is not None else value
        description = next(_descriptions(hints[info.name]), "")
        yield Described(PREFIX + info.name.upper(), masked, info.default, description)


def _descriptions(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Annotated:
        yield from (
            part.description
            for part in get_args(hint)
            if isinstance(part, Meta) and part.description
        )
