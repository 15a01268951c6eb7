"""The endpoint against chance: whatever comes, cut anywhere, and another implementation as judge.

Three questions. Does the end depend on how the octets were cut? Can any sequence of octets or
frames, mixed with any commands, raise out of `receive` or leave the endpoint in a state that
contradicts itself? Do PyPI's h2, as a server, and our endpoint agree on every octet of random
exchanges with interim responses, promises, trailers, and narrow windows?
"""

from __future__ import annotations

from itertools import count
from random import Random

import h2.config
import h2.connection
import h2.events
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hyper.protocol import states
from hyper.protocol.flow.windows import MAX_WINDOW_SIZE
from hyper.testing import wire
from test.memory_endpoint import (
    AUTHORITY,
    CANCELLED,
    OK,
    PROMISE,
    TRAILERS,
    MemoryEndpoint,
    busy,
    request,
)

# ---- frames and octets of any kind ----

IDS = st.integers(0, 20)
SIZES = st.sampled_from([0, 1, 100, 5_000, 16_384, 16_385])
NUMBERS = st.one_of(
    st.integers(0, 5), st.sampled_from([16_384, 65_535, 2**31 - 1, 2**31, 2**32 - 1])
)
PADS = st.sampled_from([None, None, None, 0, 1, 255])
BLOCKS = st.sampled_from(
    [
        *(OK, OK, TRAILERS, PROMISE, b"", b"\x80", b"\x20", b"\xbe"),
        wire.block([(":status", "103"), ("link", "</a>")]),
        wire.block([(":status", "200"), ("content-length", "5000")]),
        wire.block([(":status", "204")]),
        b"\x88\x40" + wire.string("indexed") + wire.string("field"),
    ]
)

FRAMES = st.one_of(
    st.builds(wire.data, IDS, SIZES.map(bytes), st.booleans(), PADS),
    st.builds(wire.headers, IDS, BLOCKS, st.booleans(), st.sampled_from([True, True, False]), PADS),
    st.builds(wire.continuation, IDS, BLOCKS, st.booleans()),
    st.builds(wire.push_promise, IDS, IDS, st.just(PROMISE), st.booleans(), PADS),
    st.builds(wire.priority, IDS),
    st.builds(wire.rst_stream, IDS, st.integers(0, 20)),
    st.builds(wire.settings, st.lists(st.tuples(st.integers(0, 10), NUMBERS)), st.booleans()),
    st.builds(wire.ping, st.binary(min_size=8, max_size=8), st.booleans()),
    st.builds(wire.goaway, IDS, NUMBERS, st.binary(max_size=10)),
    st.builds(wire.window_update, IDS, NUMBERS),
    st.builds(wire.altsvc, IDS, st.sampled_from(["", "https://a"]), st.just("clear")),
    st.builds(wire.origin, st.lists(st.sampled_from(["https://a", "https://b"]))),
    st.builds(wire.priority_update, IDS, st.just("u=1")),
)
ODD_FRAMES = st.builds(
    wire.frame, st.integers(0, 17), st.integers(0, 255), IDS, st.binary(max_size=12)
)

# Frames that keep a connection alive, so that sequences get far: one stream's fair share.
FAIR = st.one_of(
    st.builds(wire.data, st.sampled_from([1, 4, 13]), st.binary(max_size=50), st.just(False), PADS),
    st.builds(wire.headers, st.sampled_from([1, 2, 3, 4, 9, 13]), BLOCKS, st.booleans()),
    st.builds(wire.push_promise, st.sampled_from([1, 3, 9]), st.just(6), st.just(PROMISE)),
    st.builds(wire.window_update, st.sampled_from([0, 1, 9, 13]), st.integers(1, 1000)),
    st.builds(wire.rst_stream, st.sampled_from([1, 2, 3, 4, 9, 11, 13]), st.integers(0, 20)),
    st.builds(wire.settings, st.dictionaries(st.sampled_from([1, 3, 4]), st.integers(0, 100_000))),
    st.just(wire.ping()),
)

COMMANDS = st.tuples(
    st.sampled_from(["open", "upload", "send", "trailers", "cancel", "read", "ping"]),
    st.integers(0, 30),
)


class Watched:
    """A busy connection, of which every stream and every frame sent is remembered."""

    def __init__(self):
        self.client = busy()
        self.endpoint = self.client.endpoint
        self.known = {}
        self.reset, self.ended = {CANCELLED}, set()
        self.is_closing = False
        self.note()

    def note(self):
        self.known.update(self.endpoint.streams)

    def command(self, name, number):
        """Something that a caller may do now, on one stream of those it knows."""
        endpoint = self.endpoint
        stream = self.known[sorted(self.known)[number % len(self.known)]]
        if name in ("open", "upload") and endpoint.accepts_requests and endpoint.may_open_stream():
            endpoint.send_request(request(), "POST", end_stream=name == "open")
        elif name == "send" and stream.request_is_open:
            endpoint.send_content(stream, memoryview(bytes(5000)), end_stream=number % 3 == 0)
        elif name == "trailers" and stream.request_is_open and not stream.is_tunnel:
            endpoint.send_trailers(stream, ((b"checksum", b"1"),))
        elif name == "cancel":
            endpoint.cancel(stream)
        elif name == "read" and stream.content:
            endpoint.consume(stream, len(stream.content.popleft()))
        elif name == "ping" and not endpoint.failure:
            endpoint.send_ping(next(OPAQUE).to_bytes(8, "big"))

    def check(self):
        """Nothing contradicts itself, and what was sent may be sent."""
        self.note()
        endpoint = self.endpoint
        assert endpoint.failure is None or not endpoint.streams
        pushes = [number for number in endpoint.streams if number % 2 == 0]
        assert endpoint.pushes_open == len(pushes)
        for number, stream in self.known.items():
            if number in endpoint.streams:
                assert stream.state not in (states.IDLE, states.CLOSED, states.CANCELLED)
                assert stream.failure is None
            else:
                assert stream.state in (states.CLOSED, states.CANCELLED)
                assert stream.is_over
                assert not stream.request_is_open
            if stream.phase == states.DONE and stream.content_length is not None:
                assert stream.content_size == stream.content_length
        self.check_windows()
        for frame in self.client.sent():
            self.check_frame(frame)

    def check_windows(self):
        endpoint = self.endpoint
        assert 65_535 // 2 <= endpoint.receive_window.size <= MAX_WINDOW_SIZE
        assert 0 <= endpoint.send_window.size <= MAX_WINDOW_SIZE
        for stream in endpoint.streams.values():
            assert stream.send_window is None or stream.send_window.size <= MAX_WINDOW_SIZE
        in_use = shares = 0
        for stream in self.known.values():
            unread = sum(map(len, stream.content))
            window, share = stream.window, stream.reserved
            if window is not None:
                share = window.share.size
            if not stream.is_over:
                if window is not None:
                    assert window.size == window.manager.window_size
                    assert share == window.size + window.share.unclaimed + unread
                else:  # nothing but frames has used it
                    assert share == stream.room + unread
                assert share >= 65_535
                shares += 1
            in_use += unread if stream.is_over else share
        budget = endpoint.budget
        assert (budget.in_use, budget.shares) == (in_use, shares)
        assert in_use <= budget.limit

    def check_frame(self, frame):
        """A client may send it, and nothing follows GOAWAY, RST_STREAM or END_STREAM (5.1)."""
        assert not self.is_closing
        number = frame.stream_id
        assert number not in self.reset
        if frame.type in (wire.DATA, wire.HEADERS):
            assert number % 2 == 1
            assert number not in self.ended
        if frame.end_stream:
            self.ended.add(number)
        if frame.type == wire.RST_STREAM:
            self.reset.add(number)
        self.is_closing = frame.type == wire.GOAWAY
        assert frame.type not in (wire.PUSH_PROMISE, wire.PRIORITY)


OPAQUE = count()


@settings(deadline=None)
@given(st.lists(st.one_of(FAIR, FAIR, FRAMES, ODD_FRAMES, COMMANDS), max_size=60))
def test_no_sequence_of_frames_and_commands_raises_or_leaves_a_contradiction(steps):
    watched = Watched()
    for step in steps:
        if isinstance(step, bytes):
            assert watched.endpoint.receive(memoryview(step)) == len(step)
        else:
            watched.command(*step)
        watched.check()
    watched.endpoint.receive_eof()
    watched.check()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=10), st.booleans())
def test_no_octets_raise(pieces, handshake):
    client = MemoryEndpoint(handshake=handshake)
    stream = client.open()
    octets = b""
    for piece in pieces:
        octets += piece
        taken = client.endpoint.receive(memoryview(octets))
        assert 0 <= taken <= len(octets)
        octets = octets[taken:]
    assert len(octets) < 9 + 16_384
    client.endpoint.receive_eof()
    assert stream.is_over


def seen(client, streams):
    """All that a caller and a peer can notice, but when the connection's window was opened.

    That is done once a read, so it depends on the cutting.
    """
    endpoint = client.endpoint
    sent = client.sent()
    opened = [frame for frame in sent if (frame.type, frame.stream_id) == (wire.WINDOW_UPDATE, 0)]
    increments = sum(int.from_bytes(frame.payload, "big") for frame in opened)
    return (
        [frame for frame in sent if frame not in opened],
        str(endpoint.failure and endpoint.failure.exception()),
        set(endpoint.changed_streams),
        (endpoint.goaway, endpoint.origin_set, endpoint.alt_services, endpoint.highest_promised),
        endpoint.peer_settings.as_dict(),
        (endpoint.send_window.size, endpoint.receive_window.size - increments),
        [
            (
                *(stream.id, stream.state, stream.phase, list(stream.content), stream.trailers),
                stream.head and stream.head.fields,
                str(stream.failure and stream.failure.exception()),
            )
            for stream in streams
        ],
    )


@settings(deadline=None)
@given(
    st.lists(st.one_of(FAIR, FAIR, FAIR, FRAMES), max_size=20),
    st.lists(st.integers(1, 300), min_size=1),
)
def test_any_cutting_of_the_octets_gives_the_same_end(frames, sizes):
    octets = b"".join(frames)
    whole, cut = busy(), busy()
    streams = [list(client.endpoint.streams.values()) for client in (whole, cut)]
    whole.endpoint.receive(memoryview(octets))
    start = stop = 0
    for index in count():
        if stop == len(octets):
            break
        # Cuts of the sizes given, over and over, but few in a long frame.
        stop = min(stop + sizes[index % len(sizes)] * (1 + len(octets) // 5000), len(octets))
        start += cut.endpoint.receive(memoryview(octets[start:stop]))
    assert start == len(octets)
    assert seen(cut, streams[1]) == seen(whole, streams[0])


# ---- h2 as the server ----

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=10).map("x-{}".format)
VALUES = st.text([chr(code) for code in range(0x21, 0x7F)], max_size=20)
SECTIONS = st.lists(st.tuples(NAMES.map(str.encode), VALUES.map(str.encode)), max_size=4).map(tuple)
SIZES_AND_OCTETS = st.tuples(
    st.sampled_from([0, 1, 100, 1023, 16_384, 16_385, 30_000]), st.integers(0, 255)
)
CONTENTS = st.lists(SIZES_AND_OCTETS, max_size=3)
ENDS = st.one_of(st.none(), SECTIONS.filter(bool))  # trailers, or none


@st.composite
def messages(draw):
    """(fields, pieces of content, trailers or None), content-length perhaps among the fields.

    A piece is a size and an octet, for `spread`: so that a failing example can be read.
    """
    fields, pieces, trailers = draw(SECTIONS), draw(CONTENTS), draw(ENDS)
    if draw(st.booleans()):
        fields += ((b"content-length", b"%d" % sum(size for size, _ in pieces)),)
    return fields, pieces, trailers


def spread(pieces):
    return [bytes((octet,)) * size for size, octet in pieces]


EXCHANGES = st.fixed_dictionaries(
    {
        "request": messages(),
        "interim": st.lists(SECTIONS, max_size=2),
        "status": st.sampled_from([b"200", b"404", b"500"]),
        "response": messages(),
        "pushes": st.lists(messages(), max_size=2),
        "eager": st.booleans(),  # whether the response begins before the request has ended
    }
)


class Play:
    """Our endpoint and h2's server, moved in an order that chance decides."""

    def __init__(self, exchanges, chance, windows):
        self.exchanges = exchanges
        self.chance = chance
        ours, theirs = windows
        self.server = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding=None)
        )
        self.server.initiate_connection()
        self.server.update_settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: theirs})
        self.client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: ours}, handshake=False)
        self.endpoint = self.client.endpoint
        settings = wire.settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: ours})
        self.server.receive_data(wire.PREFACE + settings)
        self.received = b""
        if theirs < 65_535:
            # h2 never opens a window again that it lowered after octets had come: settings first.
            self.endpoint.receive(memoryview(self.server.data_to_send()))
        # Messages that each side got, by the number of the exchange.
        self.requests = {}
        self.responses = {}
        self.streams = []
        self.tasks = [self.run_exchange(number) for number in range(len(exchanges))]

    def run(self):
        """Move until all is done."""
        for _ in range(20_000):
            if not self.tasks:
                break
            task = self.chance.choice(self.tasks)
            if next(task, self) is self:
                self.tasks.remove(task)
            self.transfer()
        assert not self.tasks
        self.transfer()

    def transfer(self):
        for event in self.server.receive_data(self.endpoint.take_outbound()):
            self.on_event(event)
        self.received += self.server.data_to_send()
        # Not all at once: the rest comes later.
        stop = self.chance.choice([len(self.received), self.chance.randrange(5000)])
        self.received = self.received[self.endpoint.receive(memoryview(self.received[:stop])) :]

    def run_exchange(self, number):
        """Send one request, and read its response and promises as they come."""
        fields, pieces, trailers = self.exchanges[number]["request"]
        section = (*request(f"/{number}", "POST"), *fields)
        while not self.endpoint.may_open_stream():
            yield
        is_short = not pieces and trailers is None
        stream = self.endpoint.send_request(section, "POST", end_stream=is_short)
        self.streams.append(stream)
        reader = self.read(number, stream)
        for index, piece in enumerate(spread(pieces)):
            ends = trailers is None and index == len(pieces) - 1
            rest = memoryview(piece)
            while rest or stream.request_is_open:
                taken = self.endpoint.send_content(stream, rest, end_stream=ends)
                rest = rest[taken:]
                if not rest:
                    break
                next(reader, None)
                yield
        if trailers is not None:
            self.endpoint.send_trailers(stream, trailers)
        yield from reader

    def read(self, number, stream):
        content, pushes, is_over = [], count(), False
        while not is_over:
            yield
            is_over = stream.is_over
            while stream.content:
                content.append(stream.content.popleft())
                self.endpoint.consume(stream, len(content[-1]))
            for pushed in self.endpoint.claim_promises(stream.id):
                assert pushed.promised_request.path == f"/{number}"
                self.tasks.append(self.read((number, next(pushes)), pushed))
        assert stream.failure is None
        status = b"%d" % stream.head.status
        interim = [head.fields for head in stream.informational]
        self.responses[number] = (
            *(interim, status, stream.head.fields, b"".join(content)),
            stream.trailers or None,
        )

    def on_event(self, event):
        """The server's side of the events of h2."""
        if isinstance(event, h2.events.RequestReceived):
            section = tuple(map(tuple, event.headers))
            number = int(dict(section)[b":path"][1:])
            self.requests[event.stream_id] = [number, section, b"", None]
            if self.exchanges[number]["eager"]:
                self.tasks.append(self.respond(number, event.stream_id))
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id][2] += event.data
            size = event.flow_controlled_length
            if size:
                self.server.acknowledge_received_data(size, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.requests[event.stream_id][3] = tuple(map(tuple, event.headers))
        elif isinstance(event, h2.events.StreamEnded):
            number = self.requests[event.stream_id][0]
            if not self.exchanges[number]["eager"]:
                self.tasks.append(self.respond(number, event.stream_id))

    def respond(self, number, stream_id):
        exchange, server = self.exchanges[number], self.server
        for fields in exchange["interim"]:
            server.send_headers(stream_id, ((b":status", b"103"), *fields))
            yield
        for message in exchange["pushes"]:
            promised_id = server.get_next_available_stream_id()
            server.push_stream(stream_id, promised_id, request(f"/{number}"))
            self.tasks.append(self.send(promised_id, b"200", message))
        yield from self.send(stream_id, exchange["status"], exchange["response"])

    def send(self, stream_id, status, message):
        fields, pieces, trailers = message
        server = self.server
        is_short = not pieces and trailers is None
        server.send_headers(stream_id, ((b":status", status), *fields), end_stream=is_short)
        yield
        for piece in spread(pieces):
            rest = piece
            while rest:
                pad = self.chance.choice([None, None, 0, 7])
                room = server.local_flow_control_window(stream_id) - 8
                size = min(len(rest), room, server.max_outbound_frame_size - 8)
                if size > 0:
                    server.send_data(stream_id, rest[:size], pad_length=pad)
                    rest = rest[size:]
                yield
        if trailers is not None:
            server.send_headers(stream_id, trailers, end_stream=True)
        elif pieces:
            server.end_stream(stream_id)


# Not shrunk: what chance decides does not become simpler with smaller numbers.
@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    st.lists(EXCHANGES, min_size=1, max_size=4),
    st.integers(0, 2**32).map(Random),
    st.tuples(*[st.sampled_from([1_000, 20_000, 65_535, 100_000])] * 2),
)
def test_h2_as_the_server_and_we_agree_on_every_octet(exchanges, chance, windows):
    play = Play(exchanges, chance, windows)
    play.run()
    assert play.endpoint.failure is None
    assert not play.endpoint.streams
    for number, section, content, trailers in play.requests.values():
        fields, pieces, ending = exchanges[number]["request"]
        assert dict(section)[b":authority"] == AUTHORITY.encode()
        assert (section[4:], content, trailers) == (fields, b"".join(spread(pieces)), ending)
    assert len(play.requests) == len(exchanges)
    for number, exchange in enumerate(exchanges):
        fields, pieces, ending = exchange["response"]
        assert play.responses.pop(number) == (
            *(exchange["interim"], exchange["status"], fields, b"".join(spread(pieces))),
            ending,
        )
        for index, (fields, pieces, ending) in enumerate(exchange["pushes"]):
            pushed = ([], b"200", fields, b"".join(spread(pieces)), ending)
            assert play.responses.pop((number, index)) == pushed
    assert not play.responses
