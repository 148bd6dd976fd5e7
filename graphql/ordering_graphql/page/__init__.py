"""The query page, for development: files of ours, so that no browser has to reach a CDN."""

from importlib.resources import files

from litestar.exceptions import NotFoundException

from ordering_http.access import anybody
from ordering_http.operations import Operation, get
from ordering_http.request import Request
from ordering_http.response import Response

__all__ = ["make_assets", "show_page", "wants_page"]

_ASSETS = {
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
}
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


def wants_page(request: Request) -> bool:
    """Tell whether a browser asks for something to look at: programs ask for JSON or anything."""
    kinds = request.headers.get("accept", "").split(",")
    return any(kind.partition(";")[0].strip() == "text/html" for kind in kinds)


def show_page() -> Response:
    """Answer the page."""
    return _file("index.html", "text/html; charset=utf-8")


def make_assets() -> list[Operation]:
    """Make the operations of the page's script and style, which are for everybody."""

    @get("/graphql/assets/{file_name:str}", anybody)
    async def page_asset(_request: Request, file_name: str) -> Response:
        """Answer a script or style of the query page."""
        if file_name not in _ASSETS:
            raise NotFoundException(detail="There is no such file")
        return _file(file_name, _ASSETS[file_name])

    return [page_asset]


def _file(name: str, media_type: str) -> Response:
    content = files(__name__).joinpath(name).read_bytes()
    return Response(content, media_type=media_type, headers=_HEADERS)
