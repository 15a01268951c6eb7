"""The public names, as a list: a change of the inside must not change one of them.

A name that is added on purpose is added here, in the same change. A name that is taken away breaks
somebody's program: HISTORY.rst says what to write in its place.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import hyper

ROOT = Path(__file__).parent.parent

NAMES = {
    "hyper": """
        BadStatusLine BaseFlowControlManager BufferedSocket CannotSendHeader CannotSendRequest
        CompressionError ConnectionTerminated ErrorCode FieldMap FieldSectionTooLarge
        FlowControlError FlowControlManager FrameSizeError HTTP20Connection HTTP20Error
        HTTP20Push HTTP20Response HTTP20Stream HTTP20Tunnel HTTPConnection HTTPException
        HTTPMessage HTTPResponse HTTPSConnection HTTPS_PORT HTTP_PORT
        ImproperConnectionState IncompleteRead InvalidURL LineTooLong LocalProtocolError
        NegotiationError NotConnected Pool Priority ProtocolError ProxyError RemoteDisconnected
        RemoteProtocolError ResponseNotReady StreamResetError UnimplementedFileMode
        UnknownProtocol UnknownTransferEncoding __version__ error parse_headers responses
    """,
    "hyper.contrib": """
        HTTP20Adapter
    """,
    "hyper.contrib.botocore": """
        HTTP20AWSConnection HTTP20AWSPool POOL_CLASSES use_http2
    """,
    "hyper.contrib.elastic_transport": """
        HTTP20Node
    """,
    "hyper.contrib.httpie": """
        HTTP2Plugin
    """,
    "hyper.contrib.httpx": """
        HTTP20Transport
    """,
    "hyper.contrib.httpx2": """
        HTTP20Transport
    """,
    "hyper.contrib.opentelemetry": """
        OpenTelemetryTracer instrument uninstrument
    """,
    "hyper.contrib.requests": """
        HTTP20Adapter HTTP20Pool
    """,
    "hyper.contrib.urllib": """
        HTTP2Handler
    """,
    "hyper.contrib.urllib3": """
        HTTP20ConnectionPool HTTP20SecureConnection POOL_CLASSES
    """,
    "hyper.contrib.xmlrpc": """
        HTTP2Transport
    """,
    "hyper.errors": """
        CannotSendHeader CannotSendRequest CompressionError ConnectionTerminated ErrorCode
        FieldSectionTooLarge FlowControlError FrameSizeError HTTP20Error HTTPException
        IncompleteRead InvalidURL LocalProtocolError NegotiationError NotConnected
        ProtocolError ProxyError RemoteDisconnected RemoteProtocolError ResponseNotReady
        StreamResetError TimedOut
    """,
    "hyper.hpack": """
        Decoder Encoder NeverIndexed implementation
    """,
    "hyper.proxies": """
        Proxy from_environment
    """,
    "hyper.trace": """
        Cancel Closed Connected Connecting Connection Content End Event Exchange Fallback
        FrameLines FrameReceived FrameSent Goaway Head Informational NameResolved Opened
        Opening Ping Push REDACTED Recorder Request RequestContent RequestEnd RequestQueued
        RequestSent Retry Secret TLSDone Timeout Trailers Tunnelled connections exchanges
        frame_lines har install qlog redacted uninstall waterfall waterfall_svg
    """,
    "hyper.testing": """
        Authority ClientEnded DEADLINE MemoryPeer Peer PeerError Request Server SocketPeer
        die_in_the_middle goaway_after ok refuse requests serve slow stall unavailable wire
    """,
    "hyper.tls": """
        ALPN_PROTOCOLS ALPN_REFUSED InsecureTLSWarning OP_NO_RENEGOTIATION init_context
    """,
}

# The inside: a module may write down there what it gives to its siblings.
INSIDE = {"client", "dropin", "pool", "protocol", "proxy", "pump", "transport"}


def names_of(path):
    """`__all__` of a module as it is written: the libraries of integrations need not be there."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FOUND = {
    module_name(path): names
    for path in sorted((ROOT / "hyper").rglob("*.py"))
    for names in [names_of(path)]
    if names is not None and path.relative_to(ROOT / "hyper").parts[0] not in INSIDE
}


def test_the_modules_with_public_names_are_those_listed():
    assert set(FOUND) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_public_names_are_those_listed(name):
    assert set(FOUND[name]) == set(NAMES[name].split())
    assert len(FOUND[name]) == len(set(FOUND[name]))


@pytest.mark.parametrize("name", sorted(NAMES["hyper"].split()))
def test_a_public_name_of_hyper_is_there_when_it_is_asked_for(name):
    assert getattr(hyper, name) is not None
    assert name in dir(hyper)
