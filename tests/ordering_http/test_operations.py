"""The way of a request to its operation, and the methods of every path that there is."""

from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from ordering.access.roles import Permission, Role
from ordering.domain import messages
from ordering.domain.errors import AccessDeniedError, Problem
from ordering_http.access import anybody, requires
from ordering_http.operations import Operation, make_routes, patch, post
from ordering_http.request import Request, client_of
from ordering_http.response import Response
from support.api import DEPRECATED, ORDERS, PASSWORD, Api

METHODS = {
    ORDERS: {"GET", "POST", "OPTIONS"},
    f"{ORDERS}/x": {"GET", "PATCH", "OPTIONS"},
    DEPRECATED: {"GET", "POST", "OPTIONS"},
    f"{DEPRECATED}/x": {"GET", "PATCH", "OPTIONS"},
    "/api/sn_ind_tmt_orm/cancelproductorder": {"POST", "OPTIONS"},
    "/api/ordering/v1/productOrder/x/transition": {"POST", "OPTIONS"},
    "/graphql": {"GET", "POST", "OPTIONS"},
    "/livez": {"GET", "OPTIONS"},
    "/docs": {"GET", "OPTIONS"},
    "/docs/assets/start.js": {"GET", "OPTIONS"},
    "/openapi/product-ordering.json": {"GET", "OPTIONS"},
}


@pytest.mark.parametrize(("path", "methods"), METHODS.items())
async def test_options_lists_every_method_without_credentials(
    api: Api, path: str, methods: set[str]
) -> None:
    response = await api.http.options(path)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["allow"] == ", ".join(sorted(methods))


REFUSED = [
    (method, path)
    for path, methods in METHODS.items()
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW")
    if method not in methods
]


@pytest.mark.parametrize(("method", "path"), REFUSED)
async def test_other_methods_are_refused_with_those_allowed(
    api: Api, method: str, path: str
) -> None:
    response = await api.http.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == METHODS[path]


async def test_options_of_all_routes_are_what_the_routes_have(api: Api) -> None:
    for route in api.app.routes:
        if not isinstance(route, HTTPRoute):
            assert route.path == "/graphql", "the only WebSocket"
            continue
        path = route.path.replace("{order_id:str}", "x").replace("{file_name:str}", "x")
        assert await api.allowed(path) == set(route.methods), path


async def test_no_path_has_no_options(api: Api) -> None:
    assert (await api.http.options("/nothing")).status_code == 404


async def test_a_refused_method_is_told_in_the_shape_of_its_face(api: Api) -> None:
    parity = await api.http.delete(ORDERS)
    assert parity.json() == {
        "code": 61,
        "reason": "Method not allowed",
        "message": "Method not allowed",
        "details": [{"message": "Method Not Allowed", "datapath": ""}],
    }
    other = await api.http.delete("/livez")
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json() == {"title": "Method Not Allowed", "status": 405}


# -- the way of a request --------------------------------------------------------------------------


async def call(
    *operations: Operation, services: Any = None, method: str = "POST", path: str = "/x", **how: Any
) -> httpx.Response:
    """Call an application that has these operations and nothing else."""
    app = Litestar(make_routes(operations), openapi_config=None, logging_config=None)
    app.state.services = services
    transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ordering") as http:
        return await http.request(method, path, **how)


async def test_parameters_of_the_path_come_by_their_names() -> None:
    @patch("/x/{first:str}/{second:str}", anybody)
    async def show(_request: Request, first: str, second: str) -> Response:
        return Response(f"{first} {second}".encode())

    assert (await call(show, method="PATCH", path="/x/a%20b/c")).content == b"a b c"


async def test_who_may_not_reaches_nothing() -> None:
    reached: list[str] = []

    async def refuse(_request: Request) -> None:
        raise AccessDeniedError([Problem.of(messages.ROLE_LACKING, roles="none")])

    @post("/x", refuse)
    async def note(request: Request) -> Response:
        reached.append("handler")
        return Response(await request.body())

    async def pieces() -> Any:
        reached.append("body")
        yield b"{}"

    # Without a handler of errors this one is a 500; what counts here is what was not reached.
    assert (await call(note, content=pieces())).status_code == 500
    assert reached == []


async def test_only_who_has_one_of_the_permissions_passes_and_is_known(api: Api) -> None:
    @post("/x", requires(Permission.MOVE_ORDERS, Permission.OPERATE_QUEUE))
    async def who(request: Request) -> Response:
        return Response(client_of(request).username.encode())

    told = {
        role: await call(who, services=api.services, auth=(role.value, PASSWORD)) for role in Role
    }
    passed = {role: answer.text for role, answer in told.items() if answer.status_code == 200}
    assert passed == {
        role: role.value for role in (Role.ORDER_FULFILMENT, Role.INBOUND_QUEUE_ADMIN, Role.ADMIN)
    }


async def test_an_operation_may_have_a_limit_and_handlers_of_errors_of_its_own() -> None:
    def show(_request: Any, error: Exception) -> Response:
        return Response(type(error).__name__.encode(), status_code=418)

    @post("/x", anybody, max_body_bytes=3, error_handlers={Exception: show})
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    assert (await call(echo, content=b"123")).content == b"123"
    refused = await call(echo, content=b"1234")
    assert (refused.status_code, refused.content) == (418, b"RequestEntityTooLarge")


async def test_the_limit_is_that_of_the_settings_otherwise(api: Api) -> None:
    limit = api.services.settings.max_body_bytes

    @post("/x", anybody)
    async def echo(request: Request) -> Response:
        return Response(b"%d" % len(await request.body()))

    whole = await call(echo, services=api.services, content=b" " * limit)
    assert whole.content == b"%d" % limit
    assert (await call(echo, services=api.services, content=b" " * (limit + 1))).status_code == 413
