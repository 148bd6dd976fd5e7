"""The methods of a path: what `OPTIONS` answers, and `Allow` where a method is refused.

Litestar makes an `OPTIONS` handler for each path itself, but that one only knows the methods of the
handler of the path that was registered first. `HEAD` is not offered.
"""

from collections import defaultdict
from collections.abc import Sequence

from litestar import Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

__all__ = ["with_options"]


def with_options(handlers: Sequence[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Add `OPTIONS` to the paths of these handlers, which must be all that the paths have.

    They come first, before Litestar adds its own to a path that has none.
    """
    methods: dict[str, set[str]] = defaultdict(lambda: {"OPTIONS"})
    for handler in handlers:
        for path in handler.paths:
            methods[path].update(handler.http_methods)
    options = [_options(path, ", ".join(sorted(allowed))) for path, allowed in methods.items()]
    return [*options, *handlers]


def _options(path: str, allowed: str) -> HTTPRouteHandler:
    def options() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": allowed})

    return HTTPRouteHandler(path, http_method=HttpMethod.OPTIONS, sync_to_thread=False)(options)
