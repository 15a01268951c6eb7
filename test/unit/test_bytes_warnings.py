"""Headers given as text once and as octets once, under ``python -bb``.

Text and octets of ASCII have one hash, so that a memory keyed by what the caller gave compares
them: BytesWarning, which -bb makes an exception.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORMS = """
forms = [
    {"x-name": "value"}, {b"x-name": b"value"}, {"x-name": b"value"}, {b"x-name": "value"},
    [("x-name", "value")], [(b"x-name", b"value")],
]
"""

SECTIONS = (
    FORMS
    + """
from hyper.fields import outgoing_section
from hyper.protocol.messages import request_fields, trailer_section
for form in forms * 2:
    assert outgoing_section(form) == [(b"x-name", b"value")], form
    assert request_fields(form).fields == ((b"x-name", b"value"),), form
    assert trailer_section(form) == ((b"x-name", b"value"),), form
"""
)

OVER_A_SOCKET = (
    FORMS
    + """
import hyper
from hyper.testing import Server

def script(peer):
    peer.handshake()
    for _ in range(len(forms[:4]) * 2):
        stream_id, fields, _ = peer.want_request()
        assert ("x-name", "value") in fields, fields
        peer.write_response(stream_id, b"content")

peer = Server(script, tls=False).start()
connection = CONNECTION
for form in forms[:4] * 2:
    connection.request("GET", "/", headers=form)
    assert connection.getresponse().read() == b"content"
connection.close()
peer.stop()
"""
)


@pytest.mark.parametrize(
    "code",
    [
        SECTIONS,
        OVER_A_SOCKET.replace(
            "CONNECTION", "hyper.HTTP20Connection(peer.host, peer.port, secure=False)"
        ),
        OVER_A_SOCKET.replace(
            "CONNECTION", "hyper.HTTPConnection(peer.host, peer.port, http2='prior')"
        ),
    ],
    ids=["sections", "HTTP20Connection", "HTTPConnection"],
)
def test_a_header_as_text_and_as_octets(code):
    """RFC 9110, 5.5: both are the same field."""
    if "Server" in code:
        pytest.importorskip("hpack")  # the peer's
    ran = subprocess.run(
        [sys.executable, "-bb", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
