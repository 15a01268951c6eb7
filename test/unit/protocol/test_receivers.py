"""protocol/receivers.py: the phases of a connection, and limits against peers that would hurt.

The effect of each frame is in test/rules/test_rfc9113_*.py.
"""

from __future__ import annotations

import pytest

from hyper.protocol import receivers
from hyper.testing import wire
from test.memory_endpoint import OK, PROMISE, RESPONDING, TRAILERS, MemoryEndpoint, busy


def test_every_phase_has_a_receiver_for_each_of_the_256_types():
    for phase in (receivers.PREFACE, receivers.RUNNING, receivers.FIELD_BLOCK):
        assert len(phase) == 256
        assert all(map(callable, phase))


def test_every_type_that_we_know_has_a_receiver_of_its_own():
    own = {
        number for number, f in enumerate(receivers.RUNNING) if f is not receivers.receive_unknown
    }
    assert own == set(wire.TYPE_NAMES)


def test_the_connection_goes_through_its_phases():
    client = MemoryEndpoint(handshake=False)
    stream = client.open()
    assert client.endpoint.receivers is receivers.PREFACE
    client.receive(wire.settings())
    assert client.endpoint.receivers is receivers.RUNNING
    client.receive(wire.headers(stream.id, OK[:3], end_headers=False))
    assert client.endpoint.receivers is receivers.FIELD_BLOCK
    client.receive(wire.continuation(stream.id, OK[3:], end_headers=False))
    assert client.endpoint.receivers is receivers.FIELD_BLOCK
    client.receive(wire.continuation(stream.id, b""))
    assert client.endpoint.receivers is receivers.RUNNING
    assert client.endpoint.block is None
    assert stream.head.status == 200
    client.receive(wire.data(0))
    assert client.endpoint.failure
    assert client.receive(wire.ping()) == []


def test_6_10_end_stream_of_a_block_in_pieces_counts_at_its_end():
    client = busy()
    stream = client.endpoint.streams[RESPONDING]
    client.receive(wire.headers(RESPONDING, TRAILERS[:4], end_stream=True, end_headers=False))
    assert not stream.is_over
    client.receive(wire.continuation(RESPONDING, TRAILERS[4:]))
    assert stream.is_over
    assert stream.trailers == ((b"checksum", b"1"),)


def test_10_5_answers_are_counted_from_the_last_time_that_the_peer_read():
    client = MemoryEndpoint()
    for _ in range(5):
        assert len(client.receive(wire.ping() * 1000)) == 1000


@pytest.mark.parametrize("size", [0, 100, 4096, 10_000])
def test_6_5_3_our_table_size_is_the_decoder_s_when_it_is_acknowledged(size):
    client = MemoryEndpoint({wire.SETTINGS_HEADER_TABLE_SIZE: size}, handshake=False)
    client.receive(wire.settings())
    assert client.endpoint.decoder.header_table_size == 4096
    client.receive(wire.settings(ack=True))
    assert client.endpoint.decoder.header_table_size == size


def test_4_3_promises_and_responses_share_one_state_of_compression():
    client = MemoryEndpoint()
    stream = client.open()
    # A literal with indexing (RFC 7541, 6.2.1) in the promise, its entry 62 in the response.
    indexed = b"\x40" + wire.string("x") + wire.string("1")
    client.receive(
        wire.push_promise(stream.id, 2, PROMISE + indexed),
        wire.headers(stream.id, OK + b"\xbe", end_stream=True),
    )
    assert stream.head.fields == ((b"x", b"1"),)
