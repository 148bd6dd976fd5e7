"""Settings: what the environment may say, what it may not, and how they are shown."""

from pathlib import Path

import msgspec
import pytest

from ordering.settings import Settings, SettingsError, describe, load_settings


def _refused(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(environment)
    return str(error.value)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load_settings({}) == Settings()
    assert load_settings({"PATH": "/bin", "HOME": "/"}) == Settings()


def test_variables_are_the_names_in_capitals_behind_the_prefix() -> None:
    read = load_settings(
        {
            "ORDERING_PORT": "9000",
            "ORDERING_DATABASE_URL": "postgresql://user:secret@db/ordering",
            "ORDERING_LOG_LEVEL": "DEBUG",
            "ORDERING_CREDENTIAL_MEMORY_S": "0",
            "ORDERING_QUEUE_WINDOW": "22:00-06:30",
        }
    )
    assert read == Settings(
        port=9000,
        database_url="postgresql://user:secret@db/ordering",
        log_level="DEBUG",
        credential_memory_s=0,
        queue_window="22:00-06:30",
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("True", True), ("1", True), ("false", False), ("FALSE", False), ("0", False)],
)
def test_a_switch_is_true_or_false_or_a_digit(text: str, *, value: bool) -> None:
    assert load_settings({"ORDERING_DEVELOPMENT": text}).development is value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("ORDERING_PORT", "0"),
        ("ORDERING_PORT", "65536"),
        ("ORDERING_PORT", "http"),
        ("ORDERING_PORT", ""),
        ("ORDERING_PORT", "80.5"),
        ("ORDERING_DEVELOPMENT", "yes"),
        ("ORDERING_DEVELOPMENT", ""),
        ("ORDERING_DEVELOPMENT", "2"),
        ("ORDERING_LOG_LEVEL", "debug"),
        ("ORDERING_LOG_LEVEL", "TRACE"),
        ("ORDERING_DATABASE_POOL_SIZE", "0"),
        ("ORDERING_QUEUE_BATCH", "-1"),
        ("ORDERING_CREDENTIAL_MEMORY_S", "61"),
        ("ORDERING_CREDENTIAL_MEMORY_S", "-1"),
        ("ORDERING_QUEUE_WINDOW", ""),
        ("ORDERING_QUEUE_WINDOW", "22-06"),
        ("ORDERING_QUEUE_WINDOW", "24:00-06:00"),
        ("ORDERING_QUEUE_WINDOW", "22:00-06:00\n"),
        ("ORDERING_RETENTION_SUCCESS_DAYS", "0"),
        ("ORDERING_IDEMPOTENCY_HOURS", "23"),
        ("ORDERING_SMTP_HOST", ""),
        ("ORDERING_SMTP_SECURITY", "ssl"),
        ("ORDERING_SMTP_FROM", "ordering"),
        ("ORDERING_SMTP_FROM", "ordering@x.example\nBcc: y@x.example"),
        ("ORDERING_SMTP_TO", "ann@x.example,"),
        ("ORDERING_SMTP_TO", "ann@x.example, bob"),
        ("ORDERING_QUEUE_BATCH", "2147483648"),
        ("ORDERING_QUEUE_LEASE_S", "1000000001"),
        ("ORDERING_IDEMPOTENCY_HOURS", "876001"),
        ("ORDERING_MAX_BODY_BYTES", "67108865"),
    ],
)
def test_a_bad_value_is_refused_with_its_variable(variable: str, text: str) -> None:
    assert _refused({variable: text}).startswith(f"{variable}: ")


def test_a_misspelt_variable_is_refused() -> None:
    assert _refused({"ORDERING_DATABSE_URL": "x"}) == "ORDERING_DATABSE_URL is no setting"
    assert _refused({"ORDERING_": "x"}) == "ORDERING_ is no setting"


def test_every_bad_variable_is_named() -> None:
    environment = {
        "ORDERING_QUEUE_BATCH": "0",
        "ORDERING_PORT": "http",
        "ORDERING_HOST": "0.0.0.0",  # noqa: S104 - only read
        "ORDERING_DEVELOPMENT": "maybe",
        "ORDERING_COLOUR": "blue",
    }
    assert _refused(environment) == (
        "ORDERING_COLOUR is no setting; "
        "ORDERING_DEVELOPMENT: Expected `bool`, got `str`; "
        "ORDERING_PORT: Expected `int`, got `str`; "
        "ORDERING_QUEUE_BATCH: Expected `int` >= 1"
    )


def test_a_mail_server_needs_a_sender_and_recipients() -> None:
    server = {"ORDERING_SMTP_HOST": "mail.example"}
    assert _refused(server) == (
        "ORDERING_SMTP_FROM is needed beside ORDERING_SMTP_HOST; "
        "ORDERING_SMTP_TO is needed beside ORDERING_SMTP_HOST"
    )
    addresses = {
        "ORDERING_SMTP_FROM": "ordering@x.example",
        "ORDERING_SMTP_TO": "ann@x.example,bob@x.example, cat@y.example",
    }
    assert load_settings(server | addresses).smtp_host == "mail.example"
    assert load_settings(addresses).smtp_host is None


def test_a_variable_of_the_supervisor_is_no_setting() -> None:
    assert load_settings({"ORDERING_PARENT_PID": "12"}) == Settings()


def test_what_kubernetes_says_about_a_service_of_our_name_is_passed_over() -> None:
    links = {
        "ORDERING_PORT": "tcp://10.0.0.1:80",
        "ORDERING_SERVICE_HOST": "10.0.0.1",
        "ORDERING_SERVICE_PORT": "80",
        "ORDERING_SERVICE_PORT_HTTP": "80",
        "ORDERING_PORT_80_TCP": "tcp://10.0.0.1:80",
        "ORDERING_PORT_80_TCP_PROTO": "tcp",
        "ORDERING_PORT_80_TCP_PORT": "80",
        "ORDERING_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    assert load_settings(links) == Settings()


@pytest.mark.parametrize(
    "variable", ["ORDERING_PORTS_80_TCP", "ORDERING_PORT_HTTP_TCP", "ORDERING_SERVICES_HOST"]
)
def test_what_only_looks_like_it_is_refused(variable: str) -> None:
    assert _refused({variable: "tcp://10.0.0.1:80"}) == f"{variable} is no setting"
    assert _refused({"ORDERING_PORT": "udp://10.0.0.1:80"}).startswith("ORDERING_PORT: ")


def test_settings_are_described_with_their_documentation() -> None:
    described = {each.variable: each for each in describe(Settings(port=9000))}
    assert list(described) == [f"ORDERING_{name.upper()}" for name in Settings.__struct_fields__]
    port = described["ORDERING_PORT"]
    assert (port.value, port.default, port.description) == (9000, 8000, "TCP port of the API.")


def test_every_setting_is_documented_with_one_sentence() -> None:
    for each in describe(Settings()):
        assert each.description.endswith("."), each.variable
        assert "\n" not in each.description


def test_every_default_is_a_valid_value() -> None:
    texts = {
        each.variable: str(each.default)
        for each in describe(Settings())
        if each.default is not None
    }
    assert load_settings(texts) == Settings()


def test_secrets_are_masked_and_their_absence_is_shown() -> None:
    settings = Settings(
        database_url="postgresql://user:secret@db/ordering",
        redis_url=None,
        smtp_password="secret",
    )
    shown = {each.variable: each.value for each in describe(settings)}
    assert shown["ORDERING_DATABASE_URL"] == "***"
    assert shown["ORDERING_REDIS_URL"] is None
    assert shown["ORDERING_SMTP_PASSWORD"] == "***"
    assert "secret" not in repr(list(describe(settings)))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # pyright: ignore[reportAttributeAccessIssue] - the point of the test
    assert msgspec.structs.replace(Settings(), port=1).port == 1


def test_the_data_folder_is_absolute() -> None:
    assert Settings(data="var/../data").data_folder == Path.cwd() / "data"
    assert Settings(data="/srv").data_folder == Path("/srv")
