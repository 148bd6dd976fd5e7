"""`OPTIONS`, and `Allow` where a method is refused, on every path that there is."""

import pytest
from litestar.routes import HTTPRoute

from support.api import DEPRECATED, ORDERS, Api

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
