"""An ASGI application for hypercorn, with the extensions that HTTP/2 gives (ASGI's HTTP
specification, extensions).

    GET  /               "hello from hypercorn\\n"
    any  /fields         method, path and fields of the request as JSON
    GET  /bytes/N        N octets: the octet at i is i mod 251, with content-length
    GET  /stream/N       the same, without content-length
    POST /echo           the body, piece by piece, as it comes
    POST /digest         JSON: size and sha256 (hex) of the body
    GET  /trailers       a body, then x-checksum and x-trailer (where the request has te: trailers)
    GET  /hints          103 Early Hints with two links, then 200
    GET  /push           promises of /pushed/style.css and /pushed/app.js, then HTML
    GET  /status/N       that status
    POST /RPC2           XML-RPC: echo(value), http_version(), fields(), in gzip if it is accepted

and, as a WebSocket (RFC 8441 where it is HTTP/2):

    /chat                every message comes back; "end" ends it with code 1001
    /refused             closed before it is accepted: 403
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import json
import sys
from collections.abc import Awaitable
from typing import Any, Callable
from xmlrpc.server import SimpleXMLRPCDispatcher

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

if sys.implementation.name == "pypy":
    # PyPy's ssl leaves what it raises in OpenSSL's queue of the thread's errors, where the next
    # connection's read finds it: hypercorn then ends that connection without a word. GOAWAY after
    # hypercorn's close_notify is enough, by a connection that was idle and is collected late.
    pypy_ssl: Any = importlib.import_module("_cffi_ssl._stdssl")
    make_error = pypy_ssl.pyssl_error

    def make_error_and_forget(*arguments: Any) -> Any:
        """Make the exception, and empty the queue, as CPython does."""
        try:
            return make_error(*arguments)
        finally:
            pypy_ssl.lib.ERR_clear_error()

    pypy_ssl.pyssl_error = make_error_and_forget

PATTERN = bytes(range(251)) * 128
PIECE = 251 * 64


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request, or the server's start and stop."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["type"] == "websocket":
        await _chat(scope, receive, send)
        return
    if scope["type"] != "http":
        return
    _, name, *rest = scope["path"].split("/")
    answer = ANSWERS.get(name)
    if answer is None:
        await _whole(send, b"not found\n", status=404)
    else:
        await answer(scope, receive, send, *rest)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _chat(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    if scope["path"] != "/chat":
        await send({"type": "websocket.close"})
        return
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            return
        if message.get("text") == "end":
            await send({"type": "websocket.close", "code": 1001})
            return
        echoed = {key: message[key] for key in ("text", "bytes") if message.get(key) is not None}
        await send({"type": "websocket.send", **echoed})


async def _start(send: Send, status: int = 200, *fields: tuple[bytes, bytes], **more: Any) -> None:
    message = {"type": "http.response.start", "status": status, "headers": list(fields), **more}
    await send(message)


async def _content(send: Send, content: bytes, more: bool = False) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": more})


async def _whole(
    send: Send, content: bytes, content_type: bytes = b"text/plain", status: int = 200
) -> None:
    length = str(len(content)).encode()
    await _start(send, status, (b"content-type", content_type), (b"content-length", length))
    await _content(send, content)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await _whole(send, b"hello from hypercorn\n")


async def fields(scope: Scope, receive: Receive, send: Send) -> None:
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    while (await receive()).get("more_body", False):
        pass  # a server of HTTP/1.1 hangs up on content that nobody reads
    answer = {
        "method": scope["method"],
        "path": scope["raw_path"].decode(),
        "scheme": scope["scheme"],
        "http_version": scope["http_version"],
        "fields": pairs,
    }
    await _whole(send, json.dumps(answer).encode(), b"application/json")


async def _generate(send: Send, total: int) -> None:
    at = 0
    while at < total:
        count = min(PIECE, total - at)
        shift = at % 251
        await _content(send, PATTERN[shift : shift + count], more=True)
        at += count
    await _content(send, b"")


async def octets(scope: Scope, receive: Receive, send: Send, total: str) -> None:
    await _start(send, 200, (b"content-length", total.encode()))
    await _generate(send, int(total))


async def stream(scope: Scope, receive: Receive, send: Send, total: str) -> None:
    await _start(send)
    await _generate(send, int(total))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await _start(send)
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        await _content(send, message.get("body", b""), more)


async def digest(scope: Scope, receive: Receive, send: Send) -> None:
    digested = hashlib.sha256()
    size = 0
    more = True
    while more:
        message = await receive()
        content = message.get("body", b"")
        digested.update(content)
        size += len(content)
        more = message.get("more_body", False)
    answer = {"size": size, "sha256": digested.hexdigest()}
    await _whole(send, json.dumps(answer).encode(), b"application/json")


async def trailers(scope: Scope, receive: Receive, send: Send) -> None:
    await _start(send, 200, (b"trailer", b"x-checksum, x-trailer"), trailers=True)
    await _content(send, b"body before trailers\n")
    pairs = [(b"x-checksum", b"1234"), (b"x-trailer", b"one"), (b"x-trailer", b"two")]
    await send({"type": "http.response.trailers", "headers": pairs, "more_trailers": False})


async def hints(scope: Scope, receive: Receive, send: Send) -> None:
    links = [b"</style.css>; rel=preload; as=style", b"</app.js>; rel=preload"]
    await send({"type": "http.response.early_hint", "links": links})
    await _whole(send, b"after hints\n")


async def push(scope: Scope, receive: Receive, send: Send) -> None:
    if "http.response.push" in scope.get("extensions", {}):
        for path in ("/pushed/style.css", "/pushed/app.js"):
            await send({"type": "http.response.push", "path": path, "headers": []})
    await _whole(send, b"<title>push</title>\n", b"text/html")


async def pushed(scope: Scope, receive: Receive, send: Send, name: str) -> None:
    await _whole(send, b"pushed " + name.encode() + b"\n")


async def status(scope: Scope, receive: Receive, send: Send, code: str) -> None:
    await _start(send, int(code))
    await _content(send, b"" if code in ("204", "304") else b"status\n")


async def rpc(scope: Scope, receive: Receive, send: Send) -> None:
    call, more = b"", True
    while more:
        message = await receive()
        call += message.get("body", b"")
        more = message.get("more_body", False)
    pairs = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    dispatcher = SimpleXMLRPCDispatcher(allow_none=True)
    dispatcher.register_function(lambda value: value, "echo")
    dispatcher.register_function(lambda: scope["http_version"], "http_version")
    dispatcher.register_function(lambda: pairs, "fields")
    answer = dispatcher._marshaled_dispatch(call)
    coding = []
    if "gzip" in pairs.get("accept-encoding", ""):
        answer = gzip.compress(answer)
        coding = [(b"content-encoding", b"gzip")]
    await _start(send, 200, (b"content-type", b"text/xml"), *coding)
    await _content(send, answer)


ANSWERS: dict[str, Callable[..., Awaitable[None]]] = {
    "": hello,
    "fields": fields,
    "bytes": octets,
    "stream": stream,
    "echo": echo,
    "digest": digest,
    "trailers": trailers,
    "hints": hints,
    "push": push,
    "pushed": pushed,
    "status": status,
    "RPC2": rpc,
}
