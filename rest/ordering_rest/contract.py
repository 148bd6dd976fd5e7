"""The contract files: found, read once, served as YAML and JSON, and shown as a page.

The page's script and style come from the package `swagger-ui-py`, served by us: no visitor's
browser has to reach a CDN.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml
from litestar.exceptions import NotFoundException

from ordering_http.access import anybody
from ordering_http.operations import get
from ordering_http.request import Request
from ordering_http.response import Response

__all__ = ["CONTRACTS", "contract", "documentation", "documentation_asset", "read_contract"]

#: The contract files by name, without their ending.
CONTRACTS = ("product-ordering",)

_ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui-standalone-preset.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Product Ordering: API</title>
  <link rel="icon" href="/docs/assets/favicon-32x32.png">
  <link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
  <div id="api"></div>
  <script src="/docs/assets/swagger-ui-bundle.js"></script>
  <script src="/docs/assets/start.js"></script>
</body>
</html>
"""

_START = """SwaggerUIBundle({
  url: "/openapi/product-ordering.json", dom_id: "#api", deepLinking: true, validatorUrl: null
});
"""


@cache
def read_contract(name: str) -> dict[str, Any]:
    """Read a contract file. Raises `FileNotFoundError` if it is not part of the installation."""
    return cast("dict[str, Any]", yaml.safe_load(_folder().joinpath(f"{name}.yaml").read_bytes()))


def _folder() -> Path:
    # In a wheel the files lie inside the package, in a checkout at the top of the repository.
    packaged = Path(__file__).parent / "openapi"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "openapi"


@get("/openapi/{file_name:str}", anybody)
async def contract(_request: Request, file_name: str) -> Response:
    """Answer a contract file, as written (`.yaml`) or as JSON (`.json`)."""
    name, _, ending = file_name.rpartition(".")
    if name not in CONTRACTS or ending not in ("yaml", "json"):
        raise NotFoundException(detail="There is no such contract file")
    if ending == "json":
        return Response(msgspec.json.encode(read_contract(name)))
    return Response(_folder().joinpath(f"{name}.yaml").read_bytes(), media_type="application/yaml")


@get("/docs", anybody)
async def documentation(_request: Request) -> Response:
    """Answer the documentation page."""
    return Response(
        _PAGE.encode(),
        media_type="text/html; charset=utf-8",
        headers={
            "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; "
            "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
        },
    )


@get("/docs/assets/{file_name:str}", anybody)
async def documentation_asset(_request: Request, file_name: str) -> Response:
    """Answer a script or style of the documentation page."""
    if file_name == "start.js":
        return Response(_START.encode(), media_type="text/javascript; charset=utf-8")
    if file_name not in _ASSETS:
        raise NotFoundException(detail="There is no such file")
    content = files("swagger_ui").joinpath("static", file_name).read_bytes()
    return Response(
        content,
        media_type=_ASSETS[file_name],
        headers={"Cache-Control": "public, max-age=86400"},
    )
