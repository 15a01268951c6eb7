"""Proxies that are scripted: SOCKS 5 (RFC 1928, RFC 1929)."""

from __future__ import annotations

import re
import socket
import sys

import pytest

from hyper import (
    HTTP20Connection,
)
from hyper.testing import DEADLINE, wire
from test.scripted.behind_proxy import (
    TO_THE_PROXY,
    get,
    refused,
)
from test.scripted.steps import want


class TestSOCKS:
    """RFC 1928, RFC 1929; what python-socks sends and wants."""

    @pytest.fixture(autouse=True)
    def library(self):
        return pytest.importorskip("python_socks")

    @pytest.mark.parametrize("user", ["", "name:p%3Aw@"])
    def test_a_way_is_asked_for(self, through, user):
        def script(peer):
            methods = peer.want_octets(2)[1]
            if user:
                assert 2 in peer.want_octets(methods)
                peer.write(b"\x05\x02")
                assert peer.want_octets(10) == b"\x01\x04name\x03p:w"
                peer.write(b"\x01\x00")
            else:
                assert peer.want_octets(methods) == b"\0"
                peer.write(b"\x05\x00")
            assert peer.want_octets(18) == b"\x05\x01\x00\x03\x0bexample.org\x00\x50"
            # And the server's SETTINGS in the same read.
            peer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50" + wire.settings())
            peer.want_preface()
            peer.want_settings()
            peer.write_settings(ack=True)
            want(peer)
            peer.write_response(1, b"inside")

        connection = through(script, "socks5h", user=user)
        assert get(connection) == b"inside"
        assert 0 < connection._pumps.current._transport.round_trip < DEADLINE

    def test_a_refusal(self, through):
        def script(peer):
            peer.want_octets(3)
            peer.write(b"\x05\x00")
            peer.want_octets(18)
            peer.write(b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00")

        error = refused(through(script, "socks5h"))
        assert "refused to connect to example.org, port 80 (RFC 1928, 6): Host unreach" in str(
            error
        )

    def test_credentials_that_are_not_accepted(self, through):
        def script(peer):
            peer.want_octets(4)
            peer.write(b"\x05\x02")
            peer.want_octets(11)
            peer.write(b"\x01\x01")

        assert "authentication failure" in str(
            refused(through(script, "socks5h", user="name:pass@"))
        )

    def test_no_socks_server(self, through):
        def script(peer):
            peer.want_octets(3)
            peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        refused(through(script, "socks5h"))
        refused(through(lambda peer: (peer.want_octets(3), peer.close()), "socks5h"))

    def test_a_server_that_is_silent(self, through):
        error = refused(
            through(lambda peer: peer.want_octets(3), "socks5h", timeout=0.1), TimeoutError
        )
        assert re.match(TO_THE_PROXY + "it did not open the tunnel in the time given", str(error))

    @pytest.mark.parametrize(
        ("found", "chosen", "sent"),
        [
            (["192.0.2.7"], "192.0.2.7", b"\x01\xc0\x00\x02\x07"),
            (["2001:db8::7", "192.0.2.7", "192.0.2.1"], "192.0.2.7", b"\x01\xc0\x00\x02\x07"),
            (["fe80::7%lo"], "fe80::7", b"\x04\xfe\x80" + bytes(13) + b"\x07"),
        ],
    )
    def test_names_that_are_resolved_here(self, through, monkeypatch, found, chosen, sent):
        """RFC 1928, 5: an address goes to the proxy, one of IPv4 if there is any."""

        def script(peer):
            peer.want_octets(3)
            peer.write(b"\x05\x00")
            assert peer.want_octets(5 + len(sent)) == b"\x05\x01\x00" + sent + b"\x00\x50"
            peer.write(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")

        def addresses(host, port, *arguments):
            if host != "example.org":
                return getaddrinfo(host, port, *arguments)
            return [
                (socket.AF_INET6 if ":" in address else socket.AF_INET, 1, 6, "", (address, port))
                for address in found
            ]

        getaddrinfo = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", addresses)
        error = refused(through(script, "socks5"))
        assert f"refused to connect to {chosen}, port 80" in str(error)

    def test_a_zone_is_not_sent(self, through):
        """RFC 4007, 11: it is this machine's name for a link, and the proxy is another one."""
        sent = b"\x05\x01\x00\x04\xfe\x80" + bytes(13) + b"\x07\x00\x50"

        def script(peer):
            peer.want_octets(3)
            peer.write(b"\x05\x00")
            assert peer.want_octets(len(sent)) == sent
            peer.write(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")

        error = refused(through(script, "socks5h", host="fe80::7%lo"))
        assert "refused to connect to fe80::7, port 80" in str(error)

    def test_a_name_that_nobody_here_knows(self):
        """It is the server's: the proxy is not even asked."""
        proxy = "socks5://192.0.2.1"
        connection = HTTP20Connection("no.such.invalid", 80, proxy=proxy, timeout=DEADLINE)
        error = refused(connection, socket.gaierror)
        assert error.strerror.startswith("'no.such.invalid' has no address")

    @pytest.mark.parametrize("absent", ["python_socks", "python_socks.sync"])
    def test_without_the_library(self, through, monkeypatch, absent):
        monkeypatch.setitem(sys.modules, absent, None)
        connection = through(lambda peer: peer.want_closed(), "socks5h")
        with pytest.raises(ImportError, match=r"pip install 'hyper\[socks\]'"):
            connection.connect()
