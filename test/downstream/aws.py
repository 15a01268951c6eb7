"""moto's AWS as an application for hypercorn, which says in a field what HTTP it was asked in."""

from __future__ import annotations

from hypercorn.middleware import AsyncioWSGIMiddleware
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

MAX_BODY = 1 << 26

moto = AsyncioWSGIMiddleware(DomainDispatcherApplication(create_backend_app), MAX_BODY)


async def app(scope, receive, send) -> None:
    """Answer as moto does, with x-http-version added."""
    version = scope.get("http_version", "")

    async def sending(message):
        if message["type"] == "http.response.start":
            fields = [*message["headers"], (b"x-http-version", version.encode())]
            message = {**message, "headers": fields}
        await send(message)

    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(pieces)

    async def whole():
        return {"type": "http.request", "body": body, "more_body": False}

    # HTTP/2 needs no content-length, and WSGI does.
    fields = [pair for pair in scope["headers"] if pair[0] != b"content-length"]
    fields.append((b"content-length", str(len(body)).encode()))
    await moto({**scope, "headers": fields}, whole, sending)
