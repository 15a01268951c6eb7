"""The name of a host beyond ASCII is one name wherever it is given: IDNA 2008's (RFC 5890; UTS 46).

Python's own codec, IDNA 2003, would make "fass.example" of it, which is another host.
"""

from __future__ import annotations

import importlib
import socket
import urllib.request

import pytest

from hyper import HTTP20Connection, HTTPConnection, HTTPSConnection

pytest.importorskip("idna")

NAME = "fa\xdf.example"
A_LABEL = "xn--fa-hia.example"


def by_urllib(url):
    from hyper.contrib.urllib import HTTP2Handler

    urllib.request.build_opener(urllib.request.ProxyHandler({}), HTTP2Handler()).open(url)


def by_requests(url):
    requests = pytest.importorskip("requests")
    from hyper.contrib.requests import HTTP20Adapter

    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", HTTP20Adapter())
        session.get(url)


def by_urllib3(url):
    urllib3 = pytest.importorskip("urllib3")
    from hyper.contrib.urllib3 import POOL_CLASSES

    with urllib3.PoolManager(retries=False) as pools:
        pools.pool_classes_by_scheme = {**pools.pool_classes_by_scheme, **POOL_CLASSES}
        pools.request("GET", url)


def by_httpx(name):
    def ask(url):
        library = pytest.importorskip(name)
        integration = importlib.import_module(f"hyper.contrib.{name}")
        with library.Client(transport=integration.HTTP20Transport()) as client:
            client.get(url)

    return ask


WAYS = {
    "HTTP20Connection": lambda _: HTTP20Connection(NAME).connect(),
    "HTTPConnection": lambda _: HTTPConnection(NAME).connect(),
    "HTTPSConnection": lambda _: HTTPSConnection(NAME, port="443").connect(),
    "a proxy": lambda _: HTTP20Connection("a.example", proxy=f"http://{NAME}:1").connect(),
    "socks5": lambda _: HTTP20Connection(NAME, proxy="socks5://localhost:1").connect(),
    "urllib": by_urllib,
    "requests": by_requests,
    "urllib3": by_urllib3,
    "httpx": by_httpx("httpx"),
    "httpx2": by_httpx("httpx2"),
}


@pytest.fixture
def asked(monkeypatch):
    """The names that the resolver is asked for. It knows no address."""
    names = []

    def resolve(host, *_, **__):
        names.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "not known in this test")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return names


@pytest.mark.parametrize("way", WAYS)
def test_a_name_beyond_ascii_is_looked_up_by_its_a_label(asked, way):
    with pytest.raises(Exception, match=r"not known in this test|has no address"):
        WAYS[way](f"https://{NAME}/")
    assert {name.decode() if isinstance(name, bytes) else name for name in asked} == {A_LABEL}


def test_a_tunnel_of_the_drop_in_is_to_the_a_label():
    """RFC 9110, 9.3.6: the proxy looks it up."""
    connection = HTTPSConnection("proxy.example")
    connection.set_tunnel(f"{NAME}:8443")
    assert (connection._tunnel_host, connection._tunnel_port) == (A_LABEL, 8443)
    connection.set_tunnel("[2001:db8::1]:8443")
    assert (connection._tunnel_host, connection._tunnel_port) == ("2001:db8::1", 8443)
