"""Libraries that answer in a server's place, record its answers, or forbid the network."""

from __future__ import annotations

import json
import logging
import re
import urllib.request
from contextlib import closing

import pytest
import requests

from test.downstream.conftest import tried

NOWHERE = "https://nowhere.invalid/x"


@pytest.fixture
def cassette(tmp_path):
    vcr = pytest.importorskip("vcr")
    return lambda: vcr.use_cassette(str(tmp_path / "cassette.yaml"))


def by_requests(url, session, **_):
    return session.get(url).json()["path"]


def by_urllib3(url, manager, **_):
    return manager.request("GET", url).json()["path"]


def by_urlopen(url, opener, **_):
    with opener.open(url) as response:
        return json.load(response)["path"]


def by_dropin(url, certificates, **_):
    import hyper

    host, path = re.match("https://([^/]+)(.*)", url).groups()
    connection = hyper.HTTPSConnection(host, context=certificates.hyper_context())
    with closing(connection):
        connection.request("GET", path)
        return json.load(connection.getresponse())["path"]


def by_httpx(url, client, name="httpx", **_):
    return client(pytest.importorskip(name)).get(url).json()["path"]


def by_httpx2(url, client, **_):
    return by_httpx(url, client, "httpx2")


@tried(
    "vcrpy",
    "cassettes around any integration",
    "recorded, over HTTP/2 by httpx and httpx2; played; HTTP/2 afterwards",
)
@pytest.mark.parametrize(
    "ask", [by_requests, by_urllib3, by_urlopen, by_httpx, by_httpx2, by_dropin]
)
def test_vcrpy(ask, services, cassette, session, manager, opener, client, certificates, request):
    given = {
        "session": session,
        "manager": manager,
        "opener": opener,
        "client": client,
        "certificates": certificates,
    }
    url = services.url("/seen")
    with cassette():
        assert ask(url, **given) == "/seen"
    assert services.versions == {"2" if ask in (by_httpx, by_httpx2) else "1.1"}
    with cassette() as played:
        assert ask(url, **given) == "/seen"
        assert played.play_count == 1
    assert services.seen() == []
    assert ask(url, **given) == "/seen"
    assert services.versions == {"2"}


def by_connection(url, certificates):
    import hyper

    host, path = re.match("https://([^/]+)(.*)", url).groups()
    with hyper.HTTP20Connection(host, ssl_context=certificates.hyper_context()) as connection:
        return json.load(connection.getresponse(connection.request("GET", path)))["path"]


def by_pool(url, certificates):
    import hyper

    with hyper.Pool(ssl_context=certificates.hyper_context()) as pool:
        return json.load(pool.request("GET", url))["path"]


@tried("vcrpy", "cassettes around HTTP20Connection and Pool", "not recorded, and the log says so")
@pytest.mark.parametrize("ask", [by_connection, by_pool])
def test_vcrpy_knows_no_connection_of_hypers_own(ask, services, cassette, certificates, caplog):
    with cassette() as recorded, caplog.at_level(logging.WARNING, logger="hyper"):
        assert ask(services.url("/seen"), certificates) == "/seen"
        assert len(recorded) == 0
    assert "does not see what HTTP20Connection and Pool send" in caplog.text
    assert services.versions == {"2"}


@tried("pook", "around requests and urllib3", "mocked; over HTTP/2 afterwards")
def test_pook(services, session, manager):
    pook = pytest.importorskip("pook")
    with pook.use():
        pook.get(NOWHERE).times(2).reply(200).json({"path": "mocked"})
        assert by_requests(NOWHERE, session) == "mocked"
        assert by_urllib3(NOWHERE, manager) == "mocked"
    assert by_requests(services.url("/seen"), session) == "/seen"
    assert services.versions == {"2"}


@tried("pytest-httpx", "its fixture, with a client of hyper's", "mocked")
def test_pytest_httpx(httpx_mock, client):
    import httpx

    httpx_mock.add_response(url=NOWHERE, json={"path": "mocked"})
    assert client(httpx).get(NOWHERE).json() == {"path": "mocked"}


@tried("respx", "either of its mockers", "mocked; over HTTP/2 where it passes a request through")
@pytest.mark.parametrize("using", ["httpx", "httpcore"])
def test_respx(using, services, client):
    import httpx
    import respx

    with respx.mock(using=using) as router:
        router.get(NOWHERE).respond(json={"path": "mocked"})
        assert client(httpx).get(NOWHERE).json() == {"path": "mocked"}
    assert client(httpx).get(services.url("/seen")).json()["version"] == "2"


@tried("responses", "around a session", "mocked; passthru goes over HTTP/2")
def test_responses(services, session):
    import responses

    with responses.RequestsMock() as mocked:
        mocked.get(NOWHERE, json={"path": "mocked"})
        mocked.add_passthru(services.url(""))
        assert by_requests(NOWHERE, session) == "mocked"
        assert session.get(services.url("/seen")).json()["version"] == "2"


@tried("requests-mock", "around a session", "mocked; real_http goes over HTTP/2")
def test_requests_mock(services, session):
    import requests_mock

    with requests_mock.Mocker(session=session, real_http=True) as mocked:
        mocked.get(NOWHERE, json={"path": "mocked"})
        assert by_requests(NOWHERE, session) == "mocked"
        assert session.get(services.url("/seen")).json()["version"] == "2"


@tried("betamax", "a session whose adapters it replaces", "recorded over HTTP/2, then played")
def test_betamax(services, session, tmp_path):
    from betamax import Betamax

    for _ in range(2):
        with Betamax(session, cassette_library_dir=str(tmp_path)) as tape:
            tape.use_cassette("one")
            assert session.get(services.url("/seen")).json()["version"] in ("2", "1.1")
    assert len(services.seen()) == 1


@tried("pytest-socket", "disable_socket()", "no connection is made")
def test_pytest_socket(services, session):
    import pytest_socket

    pytest_socket.disable_socket()
    try:
        with pytest.raises(pytest_socket.SocketBlockedError):
            session.get(services.url("/seen"))
    finally:
        pytest_socket.enable_socket()
    assert services.seen() == []


@tried("pytest-httpserver", "its server, which speaks HTTP/1.1", "HTTP/1.1 over TLS")
def test_pytest_httpserver(certificates, session):
    from pytest_httpserver import HTTPServer

    with HTTPServer(ssl_context=certificates.server_context(alpn=())) as server:
        server.expect_request("/x").respond_with_json({"path": "/x"})
        answer = session.get(server.url_for("/x").replace("127.0.0.1", "localhost"))
        assert answer.json() == {"path": "/x"}
        assert answer.raw.version in (10, 11)


@tried("trustme", "its authority as verify=", "verified over HTTP/2; another authority is refused")
def test_trustme(services, session, tmp_path):
    import trustme

    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    assert session.get(services.url("/seen")).json()["version"] == "2"
    with pytest.raises(requests.exceptions.SSLError):
        session.get(services.url("/seen"), verify=str(other))


FROZEN = """
import os, socket, sys, freezegun
import hyper, hyper.tls

with socket.create_server(("127.0.0.1", 0)) as listener:
    context = hyper.tls.init_context(os.environ["AUTHORITY"])
    port = listener.getsockname()[1]
    connection = hyper.HTTP20Connection("127.0.0.1", port, ssl_context=context, timeout=0.2)
    with freezegun.freeze_time("2020-01-01", ignore=["hyper"]):
        try:
            connection.connect()
        except TimeoutError:
            print("timed out")
"""

TRAVELLED = """
import os, sys, time_machine
import hyper, hyper.tls

context = hyper.tls.init_context(os.environ["AUTHORITY"])
context.check_hostname, context.verify_mode = False, 0
with time_machine.travel("2090-01-01", tick=False):
    with hyper.HTTP20Connection("localhost", int(sys.argv[1]), ssl_context=context) as connection:
        print(connection.getresponse(connection.request("GET", "/seen")).status)
"""


@tried("freezegun", 'extend_ignore_list=["hyper"]', "timeouts pass though the clock stands still")
def test_freezegun(program):
    assert program(FROZEN) == "timed out\n"


@tried("time-machine", "travel()", "over HTTP/2")
def test_time_machine(services, program):
    assert program(TRAVELLED, str(services.port)) == "200\n"
    assert services.versions == {"2"}


@tried("truststore", "a context of it", "over HTTP/2")
def test_truststore(services, certificates):
    import ssl

    import truststore

    import hyper

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates.authority)
    with hyper.HTTPSConnection("localhost", services.port, context=context) as connection:
        connection.request("GET", "/seen")
        assert connection.getresponse().version == 20
    assert services.versions == {"2"}


def test_nothing_is_replaced_afterwards(services, session):
    """The mocks above have left requests as it was."""
    assert session.get(services.url("/seen")).raw.version == 20
    assert urllib.request.urlopen.__module__ == "urllib.request"


#: It replaces sockets, for the whole process.
MOCKET = """
import os, ssl, sys
import httpx, hyper, requests, urllib3
from hyper.contrib.httpx import HTTP20Transport
from hyper.contrib.requests import HTTP20Adapter
from hyper.contrib.urllib3 import POOL_CLASSES
from mocket import Mocketizer
from mocket.mocks.mockhttp import Entry

url = "https://example.test/x"

def by_dropin():
    connection = hyper.HTTPSConnection("example.test")
    connection.request("GET", "/x")
    return connection.getresponse().read()

def by_requests():
    session = requests.Session()
    session.mount("https://", HTTP20Adapter())
    return session.get(url).content

def by_urllib3():
    manager = urllib3.PoolManager()
    manager.pool_classes_by_scheme = POOL_CLASSES
    return manager.request("GET", url).data

def by_httpx():
    with httpx.Client(transport=HTTP20Transport()) as client:
        return client.get(url).content

def by_pool():
    with hyper.Pool() as pool:
        return pool.request("GET", url).read()

with Mocketizer():
    Entry.single_register(Entry.GET, url, body="mocked")
    print({ask() for ask in (by_dropin, by_requests, by_urllib3, by_httpx, by_pool)})
    try:
        hyper.HTTP20Connection("example.test").request("GET", "/x")
    except hyper.NegotiationError as error:
        print(error)
session = requests.Session()
session.mount("https://", HTTP20Adapter())
session.get(sys.argv[1], verify=os.environ["AUTHORITY"])
"""


@tried("mocket", "Mocketizer()", "mocked, in HTTP/1.1; over HTTP/2 afterwards")
def test_mocket(services, program):
    printed = program(MOCKET, services.url("/seen"))
    assert printed.startswith("{b'mocked'}\n<class 'mocket.socket.MocketSocket'> stands in the")
    assert services.versions == {"2"}
