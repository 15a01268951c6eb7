"""client/response.py: what a reader sees of a stream, by any verb, however the content comes."""

from __future__ import annotations

import csv
import gc
import gzip
import http.client
import io
import json
import shutil
import zlib
from http.client import IncompleteRead
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper.errors import (
    RemoteProtocolError,
    TimedOut,
)
from hyper.fields import FieldMap
from hyper.protocol import states
from hyper.protocol.messages import ResponseHead
from test.unit.client.fake_pump import END, FAULT, HANGUP, RESET, SILENCE, arrived, reply

TEXT = b"first\nsecond line\n\nlast, without end"


@pytest.fixture(params=["awaited", "arrived"])
def answer(request):
    """Make a response whose content is still to come, and one whose content is there."""

    def make(*acts, **options):
        response = reply(*acts, **options)
        return response if request.param == "awaited" else arrived(response)

    return make


class TestHead:
    fields = (
        (b"content-type", b"text/html; charset=UTF-8"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    )

    def test_status(self):
        response = reply(status=404)
        assert (response.status, response.code, response.getcode()) == (404, 404, 404)
        assert response.reason == "Not Found"  # RFC 9113, 8.3.2: none is carried
        assert response.version == 20
        assert reply(status=599).reason == ""

    def test_fields(self):
        response = reply(fields=self.fields)
        assert response.headers["Content-Type"] == "text/html; charset=UTF-8"
        assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert response.headers.raw == self.fields
        assert response.msg == response.info() == response.headers
        assert response.getheaders() == [
            ("content-type", "text/html; charset=UTF-8"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]

    @pytest.mark.parametrize(
        ("name", "default", "value"),
        [
            ("set-cookie", None, "a=1, b=2"),
            ("SET-COOKIE", "none", "a=1, b=2"),
            ("absent", None, None),
            ("absent", "some", "some"),
            ("absent", ["one", "two"], "one, two"),
            ("absent", 5, 5),
        ],
    )
    def test_getheader_as_http_clients(self, name, default, value):
        response = reply(fields=self.fields)
        assert response.getheader(name, default) == value
        theirs = SimpleNamespace(headers=http.client.HTTPMessage())
        for pair in response.getheaders():
            theirs.headers.add_header(*pair)
        assert http.client.HTTPResponse.getheader(theirs, name, default) == value

    def test_interim_responses(self):
        """RFC 9110, 15.2; RFC 8297."""
        response = reply(END)
        response._exchange.stream.informational = [
            ResponseHead(100, (), None),
            ResponseHead(103, ((b"link", b"</style.css>"),), None),
        ]
        assert response.informational == [
            (100, FieldMap()),
            (103, FieldMap([(b"link", b"</style.css>")])),
        ]

    def test_what_else_scripts_ask(self):
        response = reply()
        assert response.stream_id == 1
        assert response.fileno() == 17
        assert response.geturl() == response.url == ""
        assert response.readable()
        assert not response.writable()
        assert not response.seekable()
        assert not response.chunked
        assert repr(response) == "<HTTP20Response 200, stream 1>"


class TestReading:
    def test_whole(self, answer):
        for read in ((), (None,), (-1,)):
            response = answer(b"one ", b"two", END)
            assert response.read(*read) == b"one two"
            assert response.read(*read) == b""

    def test_no_content(self, answer):
        response = answer(END)
        assert response.read() == response.read(5) == response.readline() == response.peek() == b""
        assert list(response) == []

    def test_by_amounts(self, answer):
        """A short answer is the end, as http.client's."""
        response = answer(b"abc", b"d", b"efghij", END)
        assert [response.read(amt) for amt in (2, 0, 4, 3, 3, 3)] == [
            b"ab",
            b"",
            b"cdef",
            b"ghi",
            b"j",
            b"",
        ]

    def test_read1_waits_once_at_most(self):
        response = reply(b"abc", b"def", b"g", END)
        assert response.read1(2) == b"ab"
        assert response.read1() == b"c"
        assert response.read1(100) == b"def"
        assert response._exchange.pump.waits == 2
        assert response.read1() == b"g"
        assert response.read1() == b""

    def test_peek_takes_nothing(self, answer):
        response = answer(b"abc", END)
        assert response.peek() == response.peek(1) == b"abc"
        assert response.read(1) == b"a"
        assert response.peek() == b"bc"
        assert response.read() == b"bc"
        assert response.peek() == b""

    def test_readinto(self, answer):
        response = answer(b"abc", b"defg", END)
        buffer = bytearray(b"-----")
        assert response.readinto(buffer) == 5
        assert buffer == b"abcde"
        assert response.readinto(memoryview(buffer)[1:]) == 2
        assert buffer == b"afgde"
        assert response.readinto(buffer) == 0

    def test_readinto1(self, answer):
        response = answer(b"abc", END)
        buffer = bytearray(5)
        assert response.readinto1(buffer) == 3

    def test_lines(self, answer):
        assert list(answer(TEXT, END)) == TEXT.splitlines(keepends=True)
        assert answer(TEXT[:9], TEXT[9:], END).readlines() == TEXT.splitlines(keepends=True)

    def test_a_line_is_given_before_the_next_has_come(self):
        """Event streams are read so: waiting for more would be waiting for ever."""
        response = reply(b"event: 1\n", b"event: 2\n", SILENCE)
        assert response.readline() == b"event: 1\n"
        assert next(response) == b"event: 2\n"

    def test_read_chunked_gives_the_frames(self, answer):
        assert list(answer(b"abc", b"d", b"ef", END).read_chunked()) == [b"abc", b"d", b"ef"]

    def test_length_counts_down(self, answer):
        """RFC 9110, 8.6."""
        response = answer(b"abc", b"de", END, length=5)
        assert response.length == 5
        response.read(3)
        assert response.length == 2
        response.read()
        assert response.length == 0
        assert reply(END).length is None
        assert reply(END, length=5, method="HEAD").length == 0

    def test_what_is_read_is_credited(self):
        """RFC 9113, 6.9: the server may send more when the caller has taken, not before."""
        response = reply(b"abc", b"def", END)
        response._exchange.pump.play()
        response._exchange.pump.play()
        assert response._exchange.pump.endpoint.consumed == 0
        response.read(2)
        assert response._exchange.pump.endpoint.consumed == 3
        response.read(4)
        assert response._exchange.pump.endpoint.consumed == 6

    @given(
        st.lists(st.binary(max_size=12) | st.sampled_from([b"\n", b"a\nb", b"\n\n"]), max_size=8),
        st.lists(
            st.tuples(st.sampled_from(["read", "readline"]), st.integers(-1, 15))
            | st.tuples(st.just("readinto"), st.integers(0, 9))
            | st.tuples(st.just("next"), st.none()),
            max_size=12,
        ),
        st.booleans(),
    )
    def test_any_calls_on_any_cuts_answer_as_a_file_does(self, pieces, calls, is_there):
        response = reply(*filter(None, pieces), END)
        if is_there:
            arrived(response)
        file = io.BytesIO(b"".join(pieces))
        for verb, argument in calls:
            if verb == "readinto":
                ours, theirs = bytearray(argument), bytearray(argument)
                assert response.readinto(ours) == file.readinto(theirs)
                assert ours == theirs
            elif verb == "next":
                assert next(response, None) == next(file, None)
            else:
                assert getattr(response, verb)(argument) == getattr(file, verb)(argument)
        assert response.read() == file.read()


class TestOnTop:
    """The standard library builds on a binary stream."""

    def test_text(self, answer):
        content = "caf\xe9\nna\xefve\n".encode()
        response = answer(content[:4], content[4:], END)  # cut within a character
        assert io.TextIOWrapper(response, "utf-8").read() == "caf\xe9\nna\xefve\n"

    def test_text_lines(self, answer):
        rows = csv.reader(io.TextIOWrapper(answer(b"a,b\n1", b",2\n", END), "utf-8"))
        assert list(rows) == [["a", "b"], ["1", "2"]]

    def test_json(self, answer):
        assert json.load(answer(b'{"a": [1', b", 2]}", END)) == {"a": [1, 2]}

    def test_copyfileobj(self, answer):
        file = io.BytesIO()
        shutil.copyfileobj(answer(b"abc" * 1000, b"def" * 50000, END), file)
        assert file.getvalue() == b"abc" * 1000 + b"def" * 50000

    def test_gzip_file(self, answer):
        coded = gzip.compress(TEXT)
        response = answer(coded[:9], coded[9:], END)
        assert gzip.GzipFile(fileobj=response).readlines() == TEXT.splitlines(keepends=True)


VERBS = {
    "read": lambda response: response.read(),
    "read(9)": lambda response: response.read(9),
    "readline": lambda response: response.readline(),
    "readinto": lambda response: response.readinto(bytearray(9)),
    "iteration": list,
    "read_chunked": lambda response: list(response.read_chunked()),
    "trailers": lambda response: response.trailers,
    "read1": lambda response: [response.read1() for _ in range(3)],
    "peek": lambda response: [(response.peek(), response.read1()) for _ in range(3)],
}
every_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)


class TestTimeouts:
    @pytest.mark.parametrize("name", ["read", "read(9)", "readline", "readinto", "trailers"])
    def test_lose_nothing(self, name):
        """The timeout is the waiter's: what had come is there when it asks again."""
        response = reply(b"ab", SILENCE, b"cd", SILENCE, b"e", END)
        verb = VERBS[name]
        for _ in range(2):
            with pytest.raises(TimedOut):
                verb(response)
        assert verb(response) in (b"abcde", 5, FieldMap())
        assert response.read() in (b"abcde", b"")
        assert response.length is None

    def test_are_raised_as_the_builtin_and_as_the_sockets(self):
        for kind in (TimeoutError, OSError):
            with pytest.raises(kind):
                reply(SILENCE).read()


class TestCutShort:
    @pytest.mark.parametrize("failure", [RESET, HANGUP], ids=["reset", "hangup"])
    def test_read_gives_what_came_in_the_exception(self, answer, failure):
        """RFC 9113, 8.1.1: an incomplete message is no message."""
        response = answer(b"abc", b"de", failure, length=9)
        with pytest.raises(IncompleteRead) as caught:
            response.read()
        assert caught.value.partial == b"abcde"
        assert caught.value.expected == 4
        assert isinstance(caught.value.__cause__, failure.kind)

    @every_verb
    def test_no_verb_takes_it_for_the_end(self, answer, verb):
        with pytest.raises(IncompleteRead):
            verb(answer(b"abc", b"de", RESET))

    @every_verb
    def test_it_stays_cut(self, answer, verb):
        response = answer(b"abc", b"de", RESET)
        with pytest.raises(IncompleteRead):
            response.read()
        with pytest.raises(IncompleteRead):
            verb(response)

    def test_what_came_can_be_read_before(self, answer):
        response = answer(b"abc", b"de", RESET)
        assert response.read(5) == b"abcde"
        with pytest.raises(IncompleteRead, match=r"0 bytes read"):
            response.read(1)

    @every_verb
    def test_a_breach_of_the_protocol_is_named_as_such(self, answer, verb):
        with pytest.raises(RemoteProtocolError, match="RFC 9113") as caught:
            verb(answer(b"abc", FAULT))
        assert caught.value.stream_id == 1


class TestCodings:
    """RFC 9110, 8.4."""

    gzipped = ((b"content-encoding", b"gzip"),)

    def test_taken_off(self, answer):
        coded = gzip.compress(TEXT)
        for cut in (1, 10, len(coded) - 1):
            response = answer(coded[:cut], coded[cut:], END, fields=self.gzipped)
            assert list(response) == TEXT.splitlines(keepends=True)

    def test_left_on_where_the_connection_or_the_call_says_so(self, answer):
        coded = gzip.compress(TEXT)
        assert answer(coded, END, fields=self.gzipped, decode=False).read() == coded
        assert answer(coded, END, fields=self.gzipped).read(decode_content=False) == coded
        response = answer(coded, END, fields=self.gzipped, decode=False)
        assert response.read(5, decode_content=True) == TEXT[:5]
        assert response.read(decode_content=False) == TEXT[5:]  # the first read decided

    def test_left_on_where_it_is_unknown(self, answer):
        fields = [(b"content-encoding", b"rot13")]
        assert answer(b"uryyb", END, fields=fields).read() == b"uryyb"

    def test_no_content_is_no_damage(self, answer):
        assert answer(END, fields=self.gzipped).read() == b""
        assert answer(END, fields=self.gzipped, method="HEAD", length=500).read() == b""
        assert answer(END, fields=self.gzipped, status=304, length=500).read() == b""

    @every_verb
    @pytest.mark.parametrize(
        "coded", [b"never coded", gzip.compress(TEXT)[:-5]], ids=["damaged", "cut short"]
    )
    def test_damage_is_told_by_every_verb_and_for_ever(self, answer, verb, coded):
        response = answer(coded, END, fields=self.gzipped)
        for _ in range(2):
            with pytest.raises(RemoteProtocolError, match=r"RFC 9110, 8\.4"):
                response.read()
        with pytest.raises(RemoteProtocolError, match=r"RFC 9110, 8\.4"):
            list(iter(lambda: verb(response), object()))

    def test_too_many_layers_are_told_for_ever(self, answer):
        response = answer(b"x", END, fields=[(b"content-encoding", b"gzip")] * 6)
        for _ in range(2):
            with pytest.raises(RemoteProtocolError, match="6 content codings"):
                response.read()

    def test_a_timeout_in_the_middle_loses_nothing(self):
        coded = gzip.compress(TEXT)
        response = reply(coded[:20], SILENCE, coded[20:], END, fields=self.gzipped)
        with pytest.raises(TimedOut):
            response.read()
        assert response.read() == TEXT

    def test_isclosed_only_when_the_decoded_end_was_met(self, answer):
        response = answer(gzip.compress(TEXT), END, fields=self.gzipped)
        response.read(5)
        assert not response.isclosed()
        response.read()
        assert response.isclosed()


MEBIBYTE = 1 << 20
MEMBER = gzip.compress(bytes(MEBIBYTE))
BOMBS = {
    "gzip": ("gzip", MEMBER * 1024),  # 1 GiB of zeros in 1 MiB
    "gzip twice": ("gzip, gzip", gzip.compress(MEMBER * 1024)),  # in a few KiB
    "deflate, then gzip": ("deflate, gzip", gzip.compress(zlib.compress(bytes(256 * MEBIBYTE), 1))),
}


@pytest.mark.parametrize(("coding", "bomb"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_no_more_than_a_few_steps(coding, bomb):
    """1 GiB of zeros read 1 KiB at a time, of which the first MiB are read here."""
    tracemalloc = pytest.importorskip("tracemalloc")
    frames = [bomb[at : at + 16384] for at in range(0, len(bomb), 16384)]
    response = arrived(reply(*frames, END, fields=[(b"content-encoding", coding.encode())]))
    tracemalloc.start()
    try:
        for _ in range(4096):
            assert response.read(1024) == bytes(1024)
        assert response.readline(2048) == bytes(2048)
        assert len(response.peek()) <= MEBIBYTE
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    response.close()
    assert peak < 4 * MEBIBYTE


class TestTrailers:
    fields = ((b"x-digest", b"1234"), (b"x-note", b"one"), (b"x-note", b"two"))

    def test_come_after_content_which_is_kept(self, answer):
        """RFC 9113, 8.1."""
        response = answer(b"abc", b"def", END, trailers=self.fields)
        assert response.trailers.get_all("x-note") == ["one", "two"]
        assert response.read() == b"abcdef"

    def test_as_headers_are_asked_for(self, answer):
        response = answer(b"abc", END, trailers=self.fields)
        assert response.gettrailer("X-Digest") == "1234"
        assert response.gettrailer("x-note") == "one, two"
        assert response.gettrailer("absent", "none") == "none"
        assert response.gettrailer("absent", ["a", "b"]) == "a, b"
        assert response.gettrailers() == [
            ("x-digest", "1234"),
            ("x-note", "one"),
            ("x-note", "two"),
        ]

    def test_none(self, answer):
        response = answer(b"abc", END)
        assert len(response.trailers) == 0
        assert response.gettrailer("x-digest") is None

    def test_after_reading_to_the_end(self, answer):
        response = answer(b"abc", END, trailers=self.fields)
        response.read()
        assert response.gettrailer("x-digest") == "1234"


class TestClosing:
    def test_before_the_end_resets_the_stream(self):
        """RFC 9113, 5.4.2."""
        response = reply(b"abc", b"def", END)
        response.read(2)
        response.close()
        assert response._exchange.pump.endpoint.cancelled == [response._exchange.stream]
        assert response.closed
        assert response.isclosed()

    def test_twice_is_once(self):
        response = reply()
        response.close()
        response.close()
        assert len(response._exchange.pump.endpoint.cancelled) == 1

    def test_after_the_end_resets_nothing(self):
        response = reply(b"abc", END)
        response.read()
        assert response.isclosed()
        assert not response.closed
        response.close()
        assert response._exchange.pump.endpoint.cancelled == []

    def test_the_end_is_found_by_a_read_and_not_by_the_moment_of_end_stream(self):
        """RFC 9113, 8.1: as http.client finds it; ``fp`` says the same."""
        response = reply(b"abc", END)
        assert response.read(3) == b"abc"
        assert not response.isclosed()
        assert response.fp is response
        assert response.read(1) == b""
        assert response.isclosed()
        assert response.fp is None

    def test_while_the_request_still_goes_out_resets_the_stream(self):
        """The server has answered before it had all: nobody will send the rest (8.1)."""
        response = reply(END)
        response._exchange.stream.state = states.HALF_CLOSED_REMOTE
        response.read()
        response.close()
        assert response._exchange.pump.endpoint.cancelled == [response._exchange.stream]

    def test_by_context_manager(self):
        with reply(b"abc") as response:
            assert response.read(1) == b"a"
        assert response._exchange.pump.endpoint.cancelled == [response._exchange.stream]

    @pytest.mark.parametrize("name", [name for name in VERBS if name != "trailers"])
    def test_nothing_is_read_of_a_closed_one(self, name):
        response = reply(b"abc", END)
        response.close()
        with pytest.raises(ValueError, match="closed"):
            VERBS[name](response)

    def test_trailers_stay(self):
        with reply(b"abc", END, trailers=[(b"x-digest", b"1")]) as response:
            response.read()
        assert response.trailers["x-digest"] == "1"

    def test_by_dropping_leaves_a_note(self):
        """No lock is taken by a destructor: the next thread that flushes resets the stream."""
        response = reply(b"abc")
        pump, stream = response._exchange.pump, response._exchange.stream
        with pump.lock:
            del response
            for _ in range(3):  # PyPy
                gc.collect()
        assert pump.dropped == [stream]

    def test_by_dropping_after_the_end_leaves_none(self):
        response = reply(b"abc", END)
        response.read()
        pump = response._exchange.pump
        del response
        for _ in range(3):
            gc.collect()
        assert not pump.dropped
