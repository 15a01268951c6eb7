"""client/route.py: what is known of a server before there is a connection to it."""

from __future__ import annotations

import socket

import pytest

from hyper.client.route import OWN_SETTINGS, STREAM_WINDOW, Route
from hyper.errors import InvalidURL, LocalProtocolError
from hyper.protocol.flow.managers import FlowControlManager
from hyper.testing import wire
from hyper.transport.tcp import PlainTransport

SAN = (("DNS", "example.org"), ("DNS", "*.example.org"))


def route(host="example.org", port=None, **given):
    options = {
        "secure": None,
        "ssl_context": None,
        "source_address": None,
        "unix_socket": None,
        "proxy": None,
        "settings": OWN_SETTINGS,
        "window_manager": FlowControlManager,
        "unread_limit": None,
        "codec": None,
    }
    return Route(host, port, **{**options, **given})


@pytest.fixture
def begin():
    """Begin HTTP/2 over one end of a socket pair; gives the pump."""
    ends = []

    def begin(known, names=()):
        ours, theirs = socket.socketpair()
        ends.extend((ours, theirs))
        return known.begin(PlainTransport(ours), names)

    yield begin
    for end in ends:
        end.close()


@pytest.mark.parametrize(
    ("port", "secure", "found"),
    [
        (None, None, ("https", "example.org", True)),
        (443, None, ("https", "example.org", True)),
        (8443, None, ("https", "example.org:8443", True)),
        (80, None, ("http", "example.org", False)),
        (80, True, ("https", "example.org:80", True)),
        (443, False, ("http", "example.org:443", False)),
        (None, False, ("http", "example.org", False)),
    ],
)
def test_9113_3_1_port_80_means_cleartext_unless_it_is_said(port, secure, found):
    known = route(port=port, secure=secure)
    assert (known.origin.scheme, known.origin.authority, known.secure) == found


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"host": "exa mple"}, InvalidURL, "contains"),
        ({"port": 65536}, InvalidURL, "65536"),
        ({"proxy": "http://p", "unix_socket": "/s"}, ValueError, "proxy to a Unix socket"),
        ({"unread_limit": STREAM_WINDOW - 1}, LocalProtocolError, r"unread_limit.*6\.9\.2"),
        ({"codec": "none such"}, ValueError, "none such"),
    ],
)
def test_options_that_cannot_be_are_refused_before_there_is_a_connection(options, error, words):
    with pytest.raises(error, match=words):
        route(**options)


def test_9113_3_4_a_connection_begins_with_the_preface_and_hyper_s_settings(begin):
    pump = begin(route())
    octets = pump.endpoint.take_outbound()
    assert octets.startswith(wire.PREFACE)
    settings, *_ = wire.read(octets[len(wire.PREFACE) :])[0]
    assert settings.type == 4
    for identifier, value in OWN_SETTINGS.items():
        assert identifier.to_bytes(2, "big") + value.to_bytes(4, "big") in settings.payload


@pytest.mark.parametrize(
    ("scheme", "authority", "may_push"),
    [
        ("https", "example.org", True),
        ("https", "EXAMPLE.org", True),
        ("https", "www.example.org", True),
        ("https", "www.example.org:8443", False),  # another port: nothing vouches for it
        ("https", "elsewhere.example", False),
        ("https", "a b", False),
        ("http", "example.org", False),
    ],
)
def test_9113_10_1_a_server_may_push_for_its_origin_and_those_of_its_certificate(
    scheme, authority, may_push, begin
):
    endpoint = begin(route(), SAN).endpoint
    assert endpoint.covers(scheme, authority) is may_push


def test_a_server_without_a_certificate_may_push_for_its_origin_alone(begin):
    endpoint = begin(route(secure=False)).endpoint
    assert endpoint.covers("http", "example.org:443") is False
    assert endpoint.covers("http", "example.org") is True
    assert endpoint.covers("http", "www.example.org") is False
