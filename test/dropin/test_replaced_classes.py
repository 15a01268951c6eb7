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


def test_the_base_of_the_response_is_that_of_the_import_of_hyper():
    run(
        "import http.client as c; given = c.HTTPResponse; import hyper;"
        "c.HTTPResponse = type('R', (given,), {}); bases = hyper.HTTPResponse.__mro__;"
        "assert given in bases and c.HTTPResponse not in bases"
    )


def test_the_handler_of_urllib_knows_the_class_of_the_import_of_hyper():
    """Else it would go by HTTP/1.1 for ever, where it is loaded while a recorder is at work."""
    run(
        "import http.client as c; given = c.HTTPSConnection; import hyper, urllib.error;"
        "c.HTTPSConnection = type('S', (), {}); from hyper.contrib.urllib import HTTP2Handler;"
        "c.HTTPSConnection = given; made = []\n"
        "class Request(urllib.request.Request): timeout = 1\n"
        "class Own(hyper.HTTPSConnection):\n"
        "    def connect(self): made.append(self); raise OSError\n"
        "import hyper.contrib.urllib as u; u.HTTPSConnection = Own\n"
        "try: HTTP2Handler().https_open(Request('https://localhost/'))\n"
        "except urllib.error.URLError: assert made"
    )


def test_hyper_may_stand_in_the_place_of_the_whole_module():
    """For a library that has http.client's classes as its bases."""
    run(
        "import http, sys, hyper; http.client = sys.modules['http.client'] = hyper;"
        "import http.client, urllib.request, xmlrpc.client;"
        "Connection = type('Connection', (http.client.HTTPSConnection,), {});"
        "assert http.client.HTTPResponse is hyper.HTTPResponse;"
        "connection = Connection('localhost', timeout=1);"
        "assert isinstance(connection, hyper.HTTPSConnection) and connection.port == 443;"
        "assert isinstance(hyper.HTTPConnection('localhost', 1), hyper.HTTPConnection)"
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
