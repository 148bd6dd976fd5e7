"""The query page, for development: files of ours, so that no browser has to reach a CDN."""

from importlib.resources import files
from typing import Any

from litestar import Response, get
from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

__all__ = ["make_assets", "show_page", "wants_page"]

_ASSETS = {"page.js": "text/javascript", "page.css": "text/css"}
#: Nothing but what comes from here; nothing of what is shown can run.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def wants_page(request: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Tell whether a browser asks for something to look at: programs ask for JSON or anything."""
    kinds = request.headers.get("accept", "").split(",")
    return any(kind.partition(";")[0].strip() == "text/html" for kind in kinds)


def show_page() -> Response[bytes]:
    """Answer the page."""
    return _file("index.html", "text/html")


def make_assets() -> list[HTTPRouteHandler]:
    """Make the routes of the page's script and style, which are for everybody."""

    @get("/graphql/assets/{file_name:str}", sync_to_thread=False)
    def page_asset(file_name: FromPath[str]) -> Response[bytes]:
        """Answer a script or style of the query page."""
        if file_name not in _ASSETS:
            raise NotFoundException(detail="There is no such file")
        return _file(file_name, _ASSETS[file_name])

    return [page_asset]


def _file(name: str, media_type: str) -> Response[bytes]:
    content = files(__name__).joinpath(name).read_bytes()
    return Response(content, media_type=media_type, headers=_HEADERS)
