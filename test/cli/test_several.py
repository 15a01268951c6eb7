"""Several URLs: one connection an origin, all at once, the output in their order."""

from __future__ import annotations


def test_one_connection_and_the_order_of_the_urls(ask, serve, command):
    def script(peer):
        peer.handshake()
        asked = {}
        for _ in range(3):
            stream_id, fields, _ = peer.want_request()
            asked[dict(fields)[":path"]] = stream_id
        for path in ("/c", "/b", "/a"):  # all are under way, and are answered backwards
            peer.write_response(asked[path], path.encode() + b"\n")

    url = serve(script)
    ended = command("--prior-knowledge", f"{url}/a", f"{url}/b", f"{url}/c")
    assert ended == (0, "/a\n/b\n/c\n", "")


def test_two_origins(serve, command):
    def script(peer):
        peer.handshake()
        stream_id, fields, _ = peer.want_request()
        peer.write_response(stream_id, dict(fields)[":path"].encode())

    ended = command("--prior-knowledge", f"{serve(script)}/a", f"{serve(script)}/b")
    assert (ended.code, ended.out) == (0, "/a/b")


def test_one_that_fails_stops_no_other(serve, command):
    def script(peer):
        peer.handshake()
        for _ in range(2):
            stream_id, fields, _ = peer.want_request()
            status = "404" if dict(fields)[":path"] == "/a" else "200"
            peer.write_response(stream_id, b"x", [(":status", status)])

    url = serve(script)
    ended = command("--prior-knowledge", "--fail", f"{url}/a", f"{url}/b")
    assert (ended.code, ended.out) == (4, "xx")
    assert f"404 Not Found from {url}/a" in ended.err


def test_a_server_that_allows_one_stream(serve, command):
    """The first URLs have the streams, so that the output can come (5.1.2)."""
    size = 300_000  # more than a window: it has to be read before it is whole

    def script(peer):
        peer.handshake({3: 1})
        for _ in range(3):
            stream_id, _, _ = peer.want_request()
            peer.write_headers(stream_id, [(":status", "200")])
            left, room = size, peer.client_settings[4]
            while left:
                if room < 16_384:
                    room += peer.want_window_update(stream_id)
                piece = min(left, 16_384)
                peer.write_data(stream_id, b"x" * piece, end_stream=left == piece)
                left, room = left - piece, room - piece

    url = serve(script)
    ended = command("--prior-knowledge", f"{url}/a", f"{url}/b", f"{url}/c")
    assert (ended.code, len(ended.out)) == (0, 3 * size)


def test_downloads_are_saved_each(serve, command, tmp_path):
    def script(peer):
        peer.handshake()
        for _ in range(2):
            stream_id, fields, _ = peer.want_request()
            peer.write_response(stream_id, dict(fields)[":path"].encode())

    url = serve(script)
    ended = command("--prior-knowledge", "-d", f"{url}/a", f"{url}/b")
    assert ended.code == 0
    assert (tmp_path / "a").read_bytes() == b"/a"
    assert (tmp_path / "b").read_bytes() == b"/b"
