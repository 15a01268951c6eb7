"""http.client's classes, replaced by name: what recorders of traffic and some scripts do."""

from __future__ import annotations

import http.client
import subprocess
import sys
import urllib.request
import xmlrpc.client

import pytest

from hyper import HTTPConnection, HTTPSConnection
from hyper.dropin import bases
from hyper.testing import DEADLINE


class OtherHTTPSConnection(http.client.HTTPSConnection):
    """A recorder's."""


@pytest.fixture(params=["another subclass", "hyper's"])
def replaced(request, monkeypatch):
    """http.client.HTTPSConnection is another class."""
    other = HTTPSConnection if request.param == "hyper's" else OtherHTTPSConnection
    monkeypatch.setattr(http.client, "HTTPSConnection", other)
    return other


def test_hypers_class_works_while_another_has_its_bases_name(replaced, node, https):
    connection = https(node)
    connection.request("GET", "/bytes/1")
    response = connection.getresponse()
    assert (response.version, response.read()) == (20, b"\0")


def test_hypers_class_has_http_clients_defaults_all_the_same(replaced):
    connection = HTTPSConnection("localhost", 8443, timeout=7, blocksize=5)
    assert (connection.host, connection.port) == ("localhost", 8443)
    assert (connection.timeout, connection.blocksize) == (7, 5)
    assert connection._context.check_hostname
    with pytest.raises(TypeError, match="colour"):
        HTTPSConnection("localhost", colour="red")


def test_urlopen_and_xmlrpc_take_what_is_there(monkeypatch, node, certificates):
    monkeypatch.setattr(http.client, "HTTPSConnection", HTTPSConnection)
    context = certificates.client_context()
    with urllib.request.urlopen(node.url("/bytes/1"), context=context, timeout=DEADLINE) as found:
        assert (found.version, found.read()) == (20, b"\0")
    transport = xmlrpc.client.SafeTransport(context=context)
    assert isinstance(transport.make_connection("localhost"), HTTPSConnection)


def run(script):
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_base_classes_are_those_of_the_import_of_hyper():
    """Also where the classes are first asked for while others are in their place."""
    run(
        "import http.client as c; https, http = c.HTTPSConnection, c.HTTPConnection; import hyper;"
        "c.HTTPSConnection, c.HTTPConnection = type('S', (https,), {}), type('C', (http,), {});"
        "bases = hyper.HTTPSConnection.__mro__; assert https in bases and http in bases;"
        "assert c.HTTPSConnection not in bases and c.HTTPConnection not in bases;"
        "hyper.HTTPSConnection('localhost')"
    )


def test_writers_that_were_wrapped_before_hyper_was_imported_are_noticed():
    """Requests are not remembered then: the wrapper must see each of them."""
    run(
        "import functools, http.client as c; given = c.HTTPConnection.putrequest;"
        "c.HTTPConnection.putrequest = functools.wraps(given)(lambda *a, **o: given(*a, **o));"
        "import hyper; from hyper.dropin import bases; assert None in bases.HTTP_CLIENT_WRITERS;"
        "assert not hyper.HTTPSConnection('localhost')._writes_as_http_client()"
    )


def test_nothing_is_replaced_in_this_process():
    assert None not in bases.HTTP_CLIENT_WRITERS
    assert HTTPConnection("localhost")._writes_as_http_client()
