"""The contract file: valid, complete against the routes of the application, and served."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import yaml
from litestar.routes import HTTPRoute
from openapi_spec_validator import OpenAPIV31SpecValidator

from ordering.settings import Settings
from ordering_app.asgi import make_app
from support.api import Api
from support.contract import Contract, load_contract

CONTRACT = load_contract()

#: Routes that are no part of the contract: GraphQL has its own schema, and these files are it.
NOT_IN_THE_FILE = re.compile(r"/graphql|/docs(/.*)?|/openapi/.*")

#: Methods that the framework may add to every route.
ADDED_BY_THE_FRAMEWORK = {"HEAD", "OPTIONS"}

PAGE_PARTS = ["favicon-32x32.png", "start.js", "swagger-ui-bundle.js", "swagger-ui.css"]


def test_file_is_valid_openapi() -> None:
    validator = OpenAPIV31SpecValidator(CONTRACT.document)
    assert [str(error) for error in validator.iter_errors()] == []
    assert CONTRACT.document["openapi"] == "3.1.0"


def test_file_is_json_in_yaml_clothes() -> None:
    """YAML makes dates of what looks like one; the file must mean the same as JSON."""
    assert msgspec.json.decode(msgspec.json.encode(CONTRACT.document)) == CONTRACT.document


def test_every_route_is_in_the_file_and_every_operation_has_a_route() -> None:
    app = make_app(Settings(), "postgresql://nowhere/none", "redis://nowhere")
    routed = {
        (method, _without_names(route.path))
        for route in app.routes
        if isinstance(route, HTTPRoute) and not NOT_IN_THE_FILE.fullmatch(route.path)
        for method in route.methods
        if method not in ADDED_BY_THE_FRAMEWORK
    }
    described = {
        (one.method.upper(), _without_names(one.path)) for one in CONTRACT.operations.values()
    }
    assert routed == described
    others = {route.path for route in app.routes if not isinstance(route, HTTPRoute)}
    assert others == {"/graphql"}


def _without_names(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "{}", path)


def _examples(contract: Contract) -> Iterator[tuple[str, str, object]]:
    for one in contract.operations.values():
        node = contract.follow(one.at)[1]
        bodies = [f"{one.at}/requestBody"] if "requestBody" in node else []
        for body in bodies + [f"{one.at}/responses/{status}" for status in node["responses"]]:
            for at in contract.media_types(body):
                for name, value in contract.examples(at).items():
                    yield f"{at}/schema", name, value


@pytest.mark.parametrize(
    ("schema", "value"),
    [pytest.param(at, value, id=f"{name} at {at}") for at, name, value in _examples(CONTRACT)],
)
def test_example_conforms_to_its_schema(schema: str, value: object) -> None:
    assert CONTRACT.findings(CONTRACT.follow(schema)[0], value) == []


# -- how it is served ------------------------------------------------------------------------------


async def test_file_is_served_as_written_and_as_json(api: Api) -> None:
    as_yaml = await api.http.get("/openapi/product-ordering.yaml")
    as_json = await api.http.get("/openapi/product-ordering.json")
    assert (as_yaml.status_code, as_json.status_code) == (200, 200)
    assert as_yaml.headers["content-type"] == "application/yaml"
    assert as_json.headers["content-type"] == "application/json"
    assert yaml.safe_load(as_yaml.content) == CONTRACT.document
    assert as_json.json() == CONTRACT.document
    assert "://" not in as_yaml.text


@pytest.mark.parametrize(
    "name", ["other.yaml", "product-ordering.xml", "product-ordering", "..%2Fversion"]
)
async def test_no_other_file_is_served(api: Api, name: str) -> None:
    assert (await api.http.get(f"/openapi/{name}")).status_code == 404
    assert (await api.http.get(f"/docs/assets/{name}")).status_code == 404


async def test_documentation_page_needs_no_other_host(api: Api) -> None:
    page = await api.http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    # The browser refuses whatever the page, its script or its style might want from elsewhere.
    policy = dict(
        part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert {source for sources in policy.values() for source in sources.split()} <= {
        "'self'", "'none'", "'unsafe-inline'", "data:",
    }  # fmt: skip
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sorted(linked) == sorted(f"/docs/assets/{name}" for name in PAGE_PARTS)
    for link in linked:
        part = await api.http.get(page.url.join(link))
        assert part.status_code == 200, link
        assert part.content, link
    style = (await api.http.get("/docs/assets/swagger-ui.css")).text
    assert re.findall(r"(?:url\(|@import)\s*['\"]?(?!data:)(?:https?:)?//", style) == []
    start = (await api.http.get("/docs/assets/start.js")).text
    assert "//" not in start
    shown = re.search(r'url: "([^"]+)"', start)
    assert shown is not None
    document: Any = (await api.http.get(page.url.join(shown[1]))).json()
    assert document == CONTRACT.document
