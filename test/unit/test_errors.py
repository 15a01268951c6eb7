"""errors.py: one tree of exceptions, grown on http.client's, and the registry of codes."""

from __future__ import annotations

import http.client
import pickle
import socket

import pytest

from hyper import errors
from hyper.errors import ErrorCode, Failure, shown
from hyper.testing import wire

TREE = """
HTTPException
  HTTP20Error
    ProtocolError
      LocalProtocolError + ValueError
      RemoteProtocolError
        FlowControlError
        FrameSizeError
        CompressionError
          FieldSectionTooLarge
    StreamResetError + ConnectionResetError
    ConnectionTerminated + ConnectionResetError
    NegotiationError
      ProxyError
"""


def test_the_tree_of_exceptions_is_as_documented():
    path = []
    for line in TREE.strip("\n").splitlines():
        name, *also = line.strip().split(" + ")
        depth = (len(line) - len(line.lstrip())) // 2
        path[depth:] = [getattr(errors, name)]
        assert path[depth].__bases__[0] is (path[depth - 1] if depth else Exception)
        assert [base.__name__ for base in path[depth].__bases__[1:]] == also
        assert name in errors.__doc__


def test_http_client_s_exceptions_are_the_same_objects():
    names = [name for name in errors.__all__ if hasattr(http.client, name)]
    assert len(names) == 8
    for name in names:
        assert getattr(errors, name) is getattr(http.client, name)


def test_a_timeout_is_caught_as_either_of_its_two_names():
    assert issubclass(errors.TimedOut, TimeoutError)
    assert issubclass(errors.TimedOut, socket.timeout)
    assert issubclass(errors.TimedOut, OSError)


def test_7_the_registry_is_the_rfc_s():
    assert {code.name: code.value for code in ErrorCode} == {
        name: code for code, name in wire.ERROR_NAMES.items()
    }


@pytest.mark.parametrize(
    ("code", "spelt"), [(0x8, "CANCEL"), (0xD, "HTTP_1_1_REQUIRED"), (0xBEEF, "error code 0xbeef")]
)
def test_7_codes_are_spelt_by_name_or_number(code, spelt):
    assert errors.code_name(code) == spelt
    assert errors.as_error_code(code) == code


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.HTTP20Error, None),
        (errors.ProtocolError, ErrorCode.PROTOCOL_ERROR),
        (errors.LocalProtocolError, ErrorCode.PROTOCOL_ERROR),
        (errors.RemoteProtocolError, ErrorCode.PROTOCOL_ERROR),
        (errors.FlowControlError, ErrorCode.FLOW_CONTROL_ERROR),
        (errors.FrameSizeError, ErrorCode.FRAME_SIZE_ERROR),
        (errors.CompressionError, ErrorCode.COMPRESSION_ERROR),
        (errors.FieldSectionTooLarge, ErrorCode.ENHANCE_YOUR_CALM),
        (errors.NegotiationError, None),
        (errors.ProxyError, None),
        (errors.StreamResetError, None),
        (errors.ConnectionTerminated, None),
    ],
)
def test_every_error_has_a_code_a_stream_and_a_message(kind, code):
    plain = kind("what happened")
    assert (str(plain), plain.error_code, plain.stream_id) == ("what happened", code, None)
    assert not plain.retryable
    full = kind("what happened", error_code=0x8, stream_id=3)
    assert (full.error_code, full.stream_id) == (ErrorCode.CANCEL, 3)
    assert isinstance(full.error_code, ErrorCode)


def test_8_7_only_refused_stream_says_that_nothing_was_processed():
    retryable = [
        code for code in ErrorCode if errors.StreamResetError("", error_code=code).retryable
    ]
    assert retryable == [ErrorCode.REFUSED_STREAM]


def test_6_8_a_terminated_connection_tells_what_goaway_said():
    error = errors.ConnectionTerminated(
        "gone", error_code=0xB, stream_id=5, last_stream_id=3, debug_data=b"calm", retryable=True
    )
    assert (error.last_stream_id, error.debug_data, error.retryable) == (3, b"calm", True)


def test_a_failure_makes_a_fresh_exception_each_time():
    failure = Failure(errors.StreamResetError, "reset", error_code=0x7, stream_id=1)
    first, second = failure.exception(), failure.exception()
    assert first is not second
    assert type(first) is type(second) is errors.StreamResetError
    assert (str(first), first.error_code, first.stream_id) == ("reset", 7, 1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0x1, errors.RemoteProtocolError),
        (0x3, errors.FlowControlError),
        (0x6, errors.FrameSizeError),
        (0x9, errors.CompressionError),
        (0xB, errors.RemoteProtocolError),
    ],
)
def test_a_peer_s_fault_says_so_and_has_the_class_of_its_code(code, kind):
    error = Failure.of_peer(code, "it did wrong (RFC 9113, 0)", 5).exception()
    assert type(error) is kind
    assert (error.error_code, error.stream_id) == (code, 5)
    assert str(error) == "the peer broke HTTP/2: it did wrong (RFC 9113, 0)"


def test_content_is_cut_by_the_end_of_the_connection_not_by_broken_rules():
    assert Failure(ConnectionResetError).cuts_content
    assert Failure(errors.StreamResetError, "").cuts_content
    assert not Failure(errors.LocalProtocolError, "", cuts_content=False).cuts_content
    assert not Failure.of_peer(0x1, "").cuts_content
    short = Failure.of_short_content(1, 3, 5)
    assert short.cuts_content
    assert str(short.exception()).endswith("content ended after 3 of 5 octets (RFC 9113, 8.1.1)")


def test_faults_carry_what_the_wire_must_be_told():
    fault = errors.StreamFault(3, ErrorCode.STREAM_CLOSED, "late")
    assert (fault.stream_id, fault.code, str(fault)) == (3, ErrorCode.STREAM_CLOSED, "late")
    failure = Failure(errors.NegotiationError, "told")
    fault = errors.ConnectionFault(ErrorCode.PROTOCOL_ERROR, "odd", failure)
    assert (fault.code, str(fault), fault.failure) == (0x1, "odd", failure)


def test_errors_can_be_sent_to_another_process():
    error = errors.StreamResetError("reset", error_code=0x7, stream_id=1)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.error_code) == (type(error), "reset", 7)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (b"plain", "plain"),
        ("caf\xe9", "caf\xe9"),
        (b"caf\xc3\xa9 \xff", "caf\xe9 \\xff"),
        (b"\x1b[31m\r\n\x00\x7f", r"\x1b[31m\r\n\x00\x7f"),
        ("\x9b\u2028\u202e\ud800", r"\x9b\u2028\u202e\ud800"),
        (b"x" * 200, "x" * 200),
        (b"x" * 201, "x" * 200 + "..."),
        (b"\n" * 200, r"\n" * 100 + "..."),
        ("\U0001f600".encode() * 201, "\U0001f600" * 200 + "..."),
    ],
)
def test_words_of_a_peer_are_shown_on_one_line_and_cut(words, line):
    """RFC 9113, 6.8: a terminal would obey them, a log take them for entries of its own."""
    assert shown(words) == line


def test_a_peer_s_words_can_be_cut_shorter():
    assert shown(b"0123456789", 4) == "0123..."
    assert shown("0123", 4) == "0123"


def test_a_programs_own_timeout_is_not_taken_for_a_wait_of_hypers():
    """A signal handler raises TimeoutError; hyper catches its own alone, which is one, too."""
    assert issubclass(errors.TimedOut, TimeoutError)
    assert issubclass(errors.TimedOut, socket.timeout)
    assert not issubclass(TimeoutError, errors.TimedOut)
