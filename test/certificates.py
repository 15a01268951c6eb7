"""Certificates for the tests, made anew at each run by PyPI's trustme, so that none is kept and
none expires.

One authority issues them all. `Certificates(directory)` writes what servers read from files, and
makes the contexts that the standard library's ssl wants on either side.
"""

from __future__ import annotations

import datetime as dt
import ssl
from typing import TYPE_CHECKING, NamedTuple

import trustme

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAMES = ("localhost", "127.0.0.1", "::1")
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)


class Pair(NamedTuple):
    """Paths of a certificate chain and of its private key, both PEM."""

    certificate: str
    key: str


class Certificates:
    """An authority and what it issued, as PEM files in `directory`.

    `authority` is the path to trust. `server` is for localhost, 127.0.0.1 and ::1; `wrong_name` for
    another host; `expired` was valid once; `client` names a client, for servers that ask for one;
    `stranger` has the right names from an authority that nobody trusts.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        authority = trustme.CA()
        self.authority = str(directory / "authority.pem")
        authority.cert_pem.write_to_path(self.authority)
        self.server = self._write("server", authority.issue_cert(*NAMES))
        self.wrong_name = self._write("wrong_name", authority.issue_cert("wrong.invalid"))
        expired = authority.issue_cert(
            *NAMES, not_before=LONG_AGO, not_after=LONG_AGO + dt.timedelta(days=1)
        )
        self.expired = self._write("expired", expired)
        self.client = self._write("client", authority.issue_cert("client@localhost"))
        self.stranger = self._write("stranger", trustme.CA().issue_cert(*NAMES))

    def _write(self, name: str, certificate: trustme.LeafCert) -> Pair:
        pair = Pair(str(self.directory / f"{name}.pem"), str(self.directory / f"{name}.key"))
        certificate.private_key_pem.write_to_path(pair.key)
        for at, blob in enumerate(certificate.cert_chain_pems):
            blob.write_to_path(pair.certificate, append=at > 0)
        return pair

    def server_context(
        self,
        pair: Pair | None = None,
        alpn: Sequence[str] = ("h2",),
        client_certificate: bool = False,
        versions: tuple[ssl.TLSVersion, ssl.TLSVersion] | None = None,
    ) -> ssl.SSLContext:
        """A server's context.

        `alpn` empty: no ALPN; `versions`: the lowest and the highest TLS spoken.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chosen = pair or self.server
        context.load_cert_chain(chosen.certificate, chosen.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if client_certificate:
            context.load_verify_locations(self.authority)
            context.verify_mode = ssl.CERT_REQUIRED
        if versions:
            context.minimum_version, context.maximum_version = versions
        return context

    def client_context(
        self, alpn: Sequence[str] = ("h2",), client_certificate: bool = False
    ) -> ssl.SSLContext:
        """A client's context that trusts `authority` alone. `alpn` empty: no ALPN."""
        context = ssl.create_default_context(cafile=self.authority)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if client_certificate:
            context.load_cert_chain(self.client.certificate, self.client.key)
        return context
