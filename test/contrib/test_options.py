"""Each option of hyper's arrives at the connection, by each integration that takes it.

A row is an option and a value that is not its default. An option that HTTP20Connection or Pool gets
one day needs a row here.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import socket
import urllib.parse
import urllib.request

import pytest

import hyper
from hyper.contrib.urllib import HTTP2Handler
from hyper.contrib.xmlrpc import HTTP2Transport
from hyper.dropin.session import SESSION_OPTIONS
from hyper.testing.scripts import requests as asked


class Manager(hyper.FlowControlManager):
    """A program's own."""


def to_loopback(_host, port):
    return socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)


#: of HTTP20Connection
VALUES = {
    "window_manager": Manager,
    "enable_push": True,
    "unread_limit": 1 << 20,
    "ssl_context": "a context",
    "timeout": 9.5,
    "source_address": ("127.0.0.1", 0),
    "unix_socket": "/nowhere/at/all",
    "proxy": "http://127.0.0.1:1",
    "settings": {"SETTINGS_INITIAL_WINDOW_SIZE": 77_777},
    "codec": "python",
    "decode_content": False,
    "continue_timeout": 2.5,
    "keepalive": 30.0,
    "replay": False,
    "resolve": to_loopback,
    "trace": lambda event: None,  # noqa: ARG005 - an observer's
}

#: of Pool
POOL_VALUES = {
    "max_connections_per_origin": 3,
    "max_idle": 5,
    "idle_timeout": 7.5,
    "coalesce": True,
    "require_http2": True,
    "http2": "prior",
}

#: Options that a library has itself, by a name of its own or by this one.
THEIRS = {
    "pool": set(),
    "requests": {"timeout", "decode_content"},
    "httpx": {"timeout", "decode_content", "proxy", "unix_socket"},
    "httpx2": {"timeout", "decode_content", "proxy", "unix_socket"},
}

#: These stand on the drop-in. They take what it hands to a connection on a socket, and replay.
ON_THE_DROPIN = ("dropin", "urllib3", "urllib", "xmlrpc")


def by_pool(url, certificates, options):
    options = {"ssl_context": certificates.hyper_context(), "timeout": 10, **options}
    with hyper.Pool(**options) as pool:
        pool.request("GET", url).read()


def by_requests(url, certificates, options):
    requests = pytest.importorskip("requests")
    from hyper.contrib import HTTP20Adapter

    with requests.Session() as session:
        session.mount("https://", HTTP20Adapter(**options))
        session.trust_env, session.verify = False, certificates.authority
        session.get(url, timeout=10)


def by_httpx(url, certificates, options, *, name="httpx"):
    library = pytest.importorskip(name)
    module = importlib.import_module(f"hyper.contrib.{name}")
    transport = module.HTTP20Transport(verify=certificates.client_context(alpn=()), **options)
    with library.Client(transport=transport, timeout=10) as client:
        client.get(url)


def by_dropin(url, certificates, options):
    host = url.split("/")[2]
    context = certificates.client_context()
    with hyper.HTTPSConnection(host, context=context, timeout=10, **options) as connection:
        connection.request("GET", "/")
        connection.getresponse().read()


def by_urllib3(url, certificates, options):
    pytest.importorskip("urllib3", "2.0")
    from hyper.contrib.urllib3 import HTTP20ConnectionPool

    port = urllib.parse.urlsplit(url).port
    options = {"ca_certs": certificates.authority, "timeout": 10, "retries": False, **options}
    with HTTP20ConnectionPool("localhost", port, **options) as pool:
        pool.request("GET", url)


def by_urllib(url, certificates, options):
    handler = HTTP2Handler(context=certificates.client_context(), **options)
    with urllib.request.build_opener(handler).open(url, timeout=10) as response:
        response.read()


def by_xmlrpc(url, certificates, options):
    transport = HTTP2Transport(context=certificates.client_context(), **options)
    connection = transport.make_connection(url.split("/")[2])
    connection.request("GET", "/")
    connection.getresponse().read()
    transport.close()


DOORS = {
    "pool": by_pool,
    "requests": by_requests,
    "httpx": by_httpx,
    "httpx2": functools.partial(by_httpx, name="httpx2"),
    "dropin": by_dropin,
    "urllib3": by_urllib3,
    "urllib": by_urllib,
    "xmlrpc": by_xmlrpc,
}


@pytest.fixture
def url(scripted_peer, certificates):
    def script(peer):
        peer.handshake()
        for request in asked(peer):
            peer.write_response(request.stream_id, b"ok")

    return f"https://localhost:{scripted_peer(script, certificates.server_context()).port}/"


@pytest.fixture
def unreached():
    """A port that nobody needs: what is asked there fails."""
    return "https://localhost:1/"


def noted(monkeypatch, cls):
    """Note the arguments of each object of a class."""
    given, seen = cls.__init__, []
    signature = inspect.signature(given)

    @functools.wraps(given)
    def init(*arguments, **options):
        bound = signature.bind(*arguments, **options).arguments
        seen.append({**bound, **bound.get("options", {})})
        given(*arguments, **options)

    monkeypatch.setattr(cls, "__init__", init)
    return seen


PAIRS = [
    *((door, name) for door, theirs in THEIRS.items() for name in VALUES.keys() - theirs),
    *((door, name) for door in ON_THE_DROPIN for name in SESSION_OPTIONS),
]


@pytest.mark.parametrize(("door", "name"), sorted(PAIRS))
def test_an_option_arrives_at_the_connection(monkeypatch, request, certificates, door, name):
    value = certificates.hyper_context() if name == "ssl_context" else VALUES[name]
    seen = noted(monkeypatch, hyper.HTTP20Connection)
    if name in ("unix_socket", "proxy"):  # nobody is there
        port = 1
        with pytest.raises(Exception, match=r".") as caught:
            DOORS[door](request.getfixturevalue("unreached"), certificates, {name: value})
        assert not isinstance(caught.value, TypeError)
    else:
        url = request.getfixturevalue("url")
        port = urllib.parse.urlsplit(url).port
        DOORS[door](url, certificates, {name: value})
    made = [each for each in seen if each.get("port") == port]
    assert made, seen
    found = made[-1][name]
    assert found == value or (name == "proxy" and "127.0.0.1:1" in repr(found))


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("door", ON_THE_DROPIN)
def test_replay_arrives_at_the_drop_in(monkeypatch, url, certificates, door, value):
    made = []
    given = hyper.HTTPConnection._dispatch

    def dispatch(self, *arguments):
        made.append(self._replays)
        given(self, *arguments)

    monkeypatch.setattr(hyper.HTTPConnection, "_dispatch", dispatch)
    DOORS[door](url, certificates, {"replay": value})
    assert made == [value]


@pytest.mark.parametrize("name", POOL_VALUES)
@pytest.mark.parametrize("door", ["requests", "httpx", "httpx2"])
def test_an_option_of_the_pool_arrives_there(monkeypatch, url, certificates, door, name):
    seen = noted(monkeypatch, hyper.Pool)
    DOORS[door](url, certificates, {name: POOL_VALUES[name]})
    assert seen[-1][name] == POOL_VALUES[name]


@pytest.mark.parametrize("door", DOORS)
def test_an_unknown_option_is_refused(unreached, certificates, door):
    with pytest.raises(TypeError, match="colour"):
        DOORS[door](unreached, certificates, {"colour": "red"})


def test_each_option_has_a_row():
    own = set(inspect.signature(hyper.HTTP20Connection).parameters)
    assert own - {"host", "port", "secure", "former"} == VALUES.keys()
    assert set(inspect.signature(hyper.Pool).parameters) - {"options"} == POOL_VALUES.keys()
    assert set(SESSION_OPTIONS) <= VALUES.keys()
