"""The server of the trials: one ASGI application that plays the services of many libraries.

A line of JSON for each request goes to the file that HYPER_DOWNSTREAM_LOG names, before it is
answered: the version of HTTP, method, path and fields.

    any  /seen                   that line, as the answer
    POST /echo                   the body
    POST /rpc.Echo/METHOD        the body, with its content-type (Connect)
    GET  /flaky/KEY              503, and 200 from the second request with the key on
    GET  /cached                 max-age=60
    GET  /etag                   an ETag, and no-cache; 304 if it is asked with that
    GET  /events                 three server-sent events
    GET  /lines                  three JSON lines, as a Kubernetes watch
    POST /3/device/TOKEN         200, and 410 for the token gone
    any  /dns-query              one A record, 192.0.2.1 (RFC 8484)

All else is in ANSWERS, by method and path.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections import Counter
from pathlib import Path

LOG = Path(os.environ["HYPER_DOWNSTREAM_LOG"])
FLAKY: Counter[str] = Counter()

CHAT = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}
    ],
}
MESSAGE = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
NAMESPACES = {
    "kind": "NamespaceList",
    "apiVersion": "v1",
    "metadata": {},
    "items": [{"metadata": {"name": "default"}}],
}
ELASTIC = {
    "name": "n",
    "cluster_name": "c",
    "version": {"number": "9.5.0", "build_flavor": "default"},
    "tagline": "You Know, for Search",
}
OBJECT = {"kind": "storage#object", "name": "o", "bucket": "b", "size": "5", "generation": "1"}

#: method and path: what is answered as JSON
ANSWERS = {
    r"POST /v1/chat/completions": CHAT,
    r"POST /v1/messages": MESSAGE,
    r"GET /api/models/ann/model": {"id": "ann/model", "sha": "1", "siblings": [], "tags": []},
    r"GET /v1/customers/cus_1": {"id": "cus_1", "object": "customer"},
    r"GET /v1/sys/health": {"initialized": True, "sealed": False},
    r"GET /api/v4/version": {"version": "17.0", "revision": "1"},
    r"GET /users/ann": {"login": "ann", "id": 1, "url": "https://x/users/ann"},
    r"POST /token": {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"},
    r"GET /api/v1/namespaces": NAMESPACES,
    r"GET /": ELASTIC,
    r"POST /index/_search": {"hits": {"total": {"value": 1}, "hits": []}, "took": 1},
    r"POST /api/auth.test": {"ok": True, "user": "ann"},
    r"POST /slack/auth.test": {"ok": True, "user": "ann"},
    r"GET /storage/v1/b/b/o/o": OBJECT,
    r"GET /storage/v1/b/b": {"kind": "storage#bucket", "name": "b", "id": "b"},
    r"POST /upload/storage/v1/b/b/o": OBJECT,
    r"GET /health": {"name": "influxdb", "status": "pass", "checks": []},
    r"POST /v1/projects/p/messages:send": {"name": "projects/p/messages/1"},
}


def _dns(query: bytes) -> bytes:
    question = query[12 : query.index(b"\0", 12) + 5]
    head = query[:2] + bytes.fromhex("8180 0001 0001 0000 0000")
    return head + question + bytes.fromhex("c00c 0001 0001 0000003c 0004 c0000201")


async def _body(receive) -> bytes:
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


def note(line) -> None:
    with LOG.open("a") as log:
        log.write(json.dumps(line) + "\n")


async def app(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = await _body(receive)
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    line = {
        "version": scope["http_version"],
        "method": scope["method"],
        "path": scope["path"],
        "fields": fields,
    }
    note(line)
    status, kind, content, more = answer(line, body, scope["query_string"])
    pairs = [(b"content-type", kind.encode()), *more]
    if kind not in ("text/event-stream", "application/x-ndjson") and status != 204:
        pairs.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    if scope["method"] == "HEAD":
        content = b""
    await send({"type": "http.response.body", "body": content})


def answer(line, body, query):
    """Status, content-type, content, further fields."""
    method, path, fields = line["method"], line["path"], line["fields"]
    name = path.split("/")[1]
    if name == "seen":
        return 200, "application/json", json.dumps(line).encode(), []
    if name == "echo":
        return 200, "application/octet-stream", body, []
    if name == "rpc.Echo":
        return 200, fields["content-type"], body, []
    if name == "flaky":
        FLAKY[path] += 1
        return (503 if FLAKY[path] == 1 else 200), "text/plain", b"flaky", []
    if name == "cached":
        return 200, "text/plain", b"cached", [(b"cache-control", b"max-age=60")]
    if name == "etag":
        more = [(b"etag", b'"1"'), (b"cache-control", b"no-cache")]
        if fields.get("if-none-match") == '"1"':
            return 304, "text/plain", b"", more
        return 200, "text/plain", b"tagged", more
    if name == "events":
        return 200, "text/event-stream", b"data: 1\n\ndata: 2\n\ndata: 3\n\n", []
    if name == "dns-query":
        encoded = query.partition(b"dns=")[2]
        query = body or base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
        return 200, "application/dns-message", _dns(query), []
    if name == "push":
        return 201, "text/plain", b"", []
    if path.startswith("/3/device/"):
        gone = b'{"reason": "Unregistered", "timestamp": "1"}'
        return (410, "application/json", gone, []) if path.endswith("/gone") else (200, "", b"", [])
    if b"watch=" in query:
        event = {"type": "ADDED", "object": NAMESPACES["items"][0]}
        return 200, "application/x-ndjson", (json.dumps(event) + "\n").encode() * 3, []
    if method == "POST" and b'"stream":true' in body.replace(b" ", b""):
        return 200, "text/event-stream", _stream(path), []
    if path.startswith("/api/v2/write"):
        return 204, "text/plain", b"", []
    if path.startswith("/api/v2/query"):
        table = "#datatype,string,long,double\n#group,false,false,false\n#default,_result,,\n"
        return 200, "text/csv", (table + ",result,table,_value\n,,0,1.5\n\n").encode(), []
    if path.startswith("/download/"):
        return 200, "application/octet-stream", b"hello", []
    for known, content in ANSWERS.items():
        if re.fullmatch(known, f"{method} {path}"):
            more = [(b"x-elastic-product", b"Elasticsearch")]
            if "elastic" in fields.get("accept", ""):
                kind = fields["accept"].split(",")[0]
            else:
                kind = "application/json"
            return 200, kind, json.dumps(content).encode(), more
    return 404, "application/json", b'{"message": "not found"}', []


def _stream(path):
    if path == "/v1/messages":
        events = [
            {"type": "message_start", "message": {**MESSAGE, "content": []}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "hello"},
            },
            {"type": "content_block_stop", "index": 0},
            {"type": "message_stop"},
        ]
        lines = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events]
    else:
        chunk = {**CHAT, "object": "chat.completion.chunk"}
        chunk["choices"] = [{"index": 0, "delta": {"content": "hello"}, "finish_reason": None}]
        lines = [f"data: {json.dumps(chunk)}\n\n", "data: [DONE]\n\n"]
    return "".join(lines).encode()
