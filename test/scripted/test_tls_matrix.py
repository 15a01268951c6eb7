"""Backend by version by case: one fault has one exception, whichever library finds it out."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import NamedTuple

import pytest

from hyper import HTTP20Connection, HTTPSConnection, InvalidURL
from hyper.tls import InsecureTLSWarning, init_context
from test.certificates import IDNA_NAME
from test.scripted.steps import want

# OpenSSL's numbers, which ssl.SSLCertVerificationError.verify_code has.
EXPIRED = 10
SELF_SIGNED = 18
NO_ISSUER = 20
REFUSED = 50
WRONG_NAME = 62
WRONG_ADDRESS = 64


class Case(NamedTuple):
    """One case: what the server shows, how the client is set, and what comes of it."""

    pair: str = "server"
    host: str = "localhost"
    trusts: str = "authority"
    shows: bool = False  # the client has a certificate
    asked: ssl.VerifyMode = ssl.CERT_NONE  # the server asks for one
    options: dict = {}  # noqa: RUF012 - never written
    fault: int | type[ssl.SSLError] | None = None


CASES = {
    "good": Case(),
    "wrong name": Case("wrong_name", fault=WRONG_NAME),
    "wrong address": Case("wrong_name", "127.0.0.1", fault=WRONG_ADDRESS),
    "expired": Case("expired", fault=EXPIRED),
    "untrusted": Case("stranger", fault=NO_ISSUER),
    "untrusted, self-signed": Case("self_signed", fault=SELF_SIGNED),
    "self-signed, given as authority": Case("self_signed", trusts="self_signed"),
    "self-signed, given, of another name": Case(
        "self_signed", "127.0.0.1", trusts="self_signed", fault=WRONG_ADDRESS
    ),
    "client certificate wanted and shown": Case(shows=True, asked=ssl.CERT_REQUIRED),
    "client certificate asked for, not shown": Case(asked=ssl.CERT_OPTIONAL),
    "client certificate missing": Case(asked=ssl.CERT_REQUIRED, fault=ssl.SSLError),
    "client certificate not wanted": Case(shows=True),
    "address in the certificate": Case("address", "127.0.0.1"),
    "address alone in the certificate": Case("address", fault=WRONG_NAME),
    "common name alone": Case("nameless", trusts="nameless", fault=WRONG_NAME),
    "IDNA": Case("idna", IDNA_NAME),
    "IDNA, A-label": Case("idna", "xn--bcher-kva.example"),
    "IDNA, wrong name": Case("server", IDNA_NAME, fault=WRONG_NAME),
    "pin that fits": Case(options={"pin": lambda chain: b"localhost" in chain[0]}),
    "pin that does not": Case(options={"pin": lambda chain: not chain}, fault=REFUSED),
    "not verified": Case("stranger", options={"verify": False}),
    "not verified, but pinned": Case(
        "stranger", options={"verify": False, "pin": lambda chain: not chain}, fault=REFUSED
    ),
}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def exchange(peer):
    peer.handshake()
    want(peer)
    peer.write_response(1)


def client_context(certificates, case, backend):
    trusted = getattr(certificates, case.trusts)
    if case.trusts != "authority":
        trusted = trusted.certificate
    pair = tuple(certificates.client) if case.shows else None
    return init_context(trusted, pair, backend=backend, **case.options)


@pytest.mark.filterwarnings("ignore::hyper.tls.InsecureTLSWarning")
@pytest.mark.parametrize("kind", [HTTP20Connection, HTTPSConnection])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_matrix(scripted_peer, certificates, monkeypatch, backend, version, name, kind):
    """RFC 9113, 9.2; RFC 9525, 6."""
    case = CASES[name]
    if name == "common name alone" and backend == "ssl" and not ssl.HAS_NEVER_CHECK_COMMON_NAME:
        pytest.skip("this Python's ssl reads the common name")
    context = certificates.server_context(
        getattr(certificates, case.pair), versions=(VERSIONS[version], VERSIONS[version])
    )
    context.load_verify_locations(certificates.authority)
    context.verify_mode = case.asked
    peer = scripted_peer(
        exchange if case.fault is None else lambda peer: peer.want_refusal(), context
    )
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", peer.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address])
    option = "ssl_context" if kind is HTTP20Connection else "context"
    options = {option: client_context(certificates, case, backend), "timeout": 10}
    connection = kind(case.host, peer.port, **options)

    def get():
        connection.request("GET", "/")
        return connection.getresponse().status  # under TLS 1.3 we are judged later than we judge

    with contextlib.closing(connection):
        if case.fault is None:
            assert get() == 200
            return
        with pytest.raises(ssl.SSLError) as caught:
            get()
    if not isinstance(case.fault, int):
        assert type(caught.value) is case.fault
        return
    assert type(caught.value) is ssl.SSLCertVerificationError
    assert caught.value.verify_code == case.fault
    assert caught.value.reason == "CERTIFICATE_VERIFY_FAILED"
    assert caught.value.verify_message in str(caught.value)


def test_a_context_that_verifies_nobody_is_warned_of(backend):
    with pytest.warns(InsecureTLSWarning, match="verify=False") as seen:
        init_context(verify=False, backend=backend)
    assert seen[0].filename == __file__


def test_what_is_no_name_in_the_dns():
    """RFC 1035, 2.3.4: a label has 63 octets."""
    with pytest.raises(InvalidURL, match="not a name in the DNS"):
        HTTP20Connection("\u00fc" * 64 + ".example")
