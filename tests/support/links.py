"""Links between the operations of the contract, followed."""

import re
from typing import Any, cast

import httpx

from ordering.access.roles import Role
from support.api import PASSWORD, Api
from support.contract import load_contract, step

__all__ = ["follow"]

CONTRACT = load_contract()

_REVISION = CONTRACT.request_examples("reviseProductOrder")["PublishedRevision"]

#: A body for each operation that links lead to, which the order then allows.
_BODIES = {
    "reviseProductOrder": _REVISION,
    "reviseDeprecatedProductOrder": _REVISION,
    "moveProductOrder": {"action": "set_ponr"},
}


async def follow(api: Api, operation: str, response: httpx.Response, link: str) -> httpx.Response:
    """Follow a link of a response by its runtime expressions, and check what is answered."""
    CONTRACT.check(operation, response)
    at = f"{CONTRACT.operations[operation].at}/responses/{response.status_code}/links/{link}"
    described = CONTRACT.follow(at)[1]
    target = CONTRACT.operations[described["operationId"]]
    values = _evaluated(described.get("parameters", {}), response.json())
    body = _evaluated(described.get("requestBody"), response.json()) or _BODIES.get(target.identity)
    found = await api.http.request(
        target.method,
        re.sub(r"\{(\w+)\}", lambda name: values[name[1]], target.path),
        auth=(Role.ADMIN.value, PASSWORD),
        json=body,
    )
    assert found.is_success, found.text
    CONTRACT.check(target.identity, found)
    return found


def _evaluated(described: Any, body: Any) -> Any:
    """Put what runtime expressions name in their places."""
    if isinstance(described, dict):
        named = cast("dict[str, Any]", described)
        return {name: _evaluated(each, body) for name, each in named.items()}
    if isinstance(described, str) and described.startswith("$response.body#/"):
        for part in described.removeprefix("$response.body#/").split("/"):
            body = step(body, part)
        return body
    return described
