"""The cost of a TLS handshake for the client, in full and resumed: CPU time and octets.

    python bench/handshake.py [--count 300]

In memory, against the standard library's server with a certificate of an elliptic curve, as most
have: only the client's steps are timed.  The sessions are those that hyper keeps for a reconnect;
under TLS 1.3 the client has received the tickets that come after the handshake.
"""

from __future__ import annotations

import argparse
import ssl
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not bench/

from hyper.tls import init_context
from hyper.transport.tls.context import make_filter
from test.certificates import Certificates

VERSIONS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}


class Handshake:
    """One handshake: microseconds of the client, octets sent and received, and the session."""

    def __init__(self, server_context, context, session):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = server_context.wrap_bio(incoming, outgoing, server_side=True)
        begin = time.thread_time_ns()
        self.client = make_filter(context, "localhost", ["h2"], session)
        self.spent = time.thread_time_ns() - begin
        self.sent = self.received = 0
        is_done = False
        while not is_done:
            begin = time.thread_time_ns()
            is_done = self.client.handshake()
            octets = self.client.take_ciphertext()
            self.spent += time.thread_time_ns() - begin
            self.sent += len(octets)
            incoming.write(octets)
            with suppress(ssl.SSLWantReadError):
                server.do_handshake()
            self.feed(outgoing.read())
        self.feed(outgoing.read())
        self.is_resumed = server.session_reused
        server.write(b"x")
        self.client.feed(memoryview(outgoing.read()))
        self.client.decrypt_into(memoryview(bytearray(100)))
        self.client.end()
        self.session = self.client.session()

    def feed(self, octets):
        self.received += len(octets)
        if octets:
            begin = time.thread_time_ns()
            self.client.feed(memoryview(octets))
            self.spent += time.thread_time_ns() - begin


def measure(server_context, context, count, *, resumes):
    """Medians: (microseconds, octets sent, octets received)."""
    session, runs = None, []
    for number in range(count + 1):
        run = Handshake(server_context, context, session)
        session = run.session if resumes else None
        if number:  # the first one has nothing to resume
            assert run.is_resumed == resumes
            runs.append(run)
    return (
        statistics.median(run.spent for run in runs) / 1000,
        statistics.median(run.sent for run in runs),
        statistics.median(run.received for run in runs),
    )


def main():
    """One line for each backend and version."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as directory:
        certificates = Certificates(Path(directory))
        for backend in ("ssl", "pyopenssl"):
            for name, version in VERSIONS.items():
                server = certificates.server_context(versions=(version, version))
                context = init_context(certificates.authority, backend=backend)
                full = measure(server, context, count, resumes=False)
                resumed = measure(server, context, count, resumes=True)
                print(f"{backend:>9} {name}: {resumed[0] / full[0]:.2f} of the time")
                for kind, (spent, sent, received) in (("full", full), ("resumed", resumed)):
                    print(
                        f"{kind:>18}: {spent:5.0f} us, {sent:4.0f} octets out, {received:4.0f} in"
                    )


if __name__ == "__main__":
    main()
