"""Responses as they go out."""

from typing import Any

from ordering_http.response import Response


async def sent(response: Response) -> list[Any]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    nothing: Any = None
    # By name, as Litestar calls what shows an error.
    await response.to_asgi_response(None, request=nothing)(
        scope=nothing, receive=nothing, send=send
    )
    return messages


async def test_a_response_tells_its_type_and_length() -> None:
    response = Response(b"caf\xc3\xa9", status_code=201, headers={"ETag": '"\xe9"', "X-A": "b"})
    assert await sent(response) == [
        {
            "type": "http.response.start",
            "status": 201,
            "headers": [
                (b"etag", b'"\xe9"'),
                (b"x-a", b"b"),
                (b"content-type", b"application/json"),
                (b"content-length", b"5"),
            ],
        },
        {"type": "http.response.body", "body": b"caf\xc3\xa9", "more_body": False},
    ]


async def test_no_content_has_neither_type_nor_length() -> None:
    start, body = await sent(Response(b"", status_code=204, headers={"Allow": "GET"}))
    assert start["headers"] == [(b"allow", b"GET")]
    assert body["body"] == b""
