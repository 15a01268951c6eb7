"""A WebSocket over HTTP/2 (RFC 8441): hyper opens the tunnel, PyPI's wsproto has the frames.

    with hyper.HTTP20Connection("example.org") as conn, Chat(conn, "/chat") as chat:
        chat.say("hello")
        print(chat.hear())

The connection can carry requests, and other chats, at the same time.

    python examples/websocket_chat.py wss://example.org/chat

sends each line of standard input, and prints the messages that come.
"""

from __future__ import annotations

import sys
import threading
from urllib.parse import urlsplit

from wsproto import ConnectionType
from wsproto.connection import Connection, ConnectionState
from wsproto.events import CloseConnection, Message, Ping, TextMessage

import hyper

RECEIVE_SIZE = 64 * 1024


class Chat:
    """Messages, str or bytes, both ways. One thread may hear while another one says something."""

    def __init__(self, conn, url, headers=()):
        headers = [("sec-websocket-version", "13"), *dict(headers).items()]
        self.tunnel = conn.connect_stream(url, headers, protocol="websocket")
        self.subprotocol = self.tunnel.headers["sec-websocket-protocol"]
        #: the code with which the peer ended the chat (RFC 6455, 7.4), None before that
        self.code = None
        self._frames = Connection(ConnectionType.CLIENT)
        self._events = self._frames.events()
        self._sending = threading.Lock()  # hear() answers PING

    def say(self, message):
        """Send one message, str or bytes."""
        self._send(Message(data=message))

    def hear(self):
        """Return the next whole message, or None when the peer has ended the chat."""
        parts = []
        while True:
            for event in self._events:
                if isinstance(event, Message):
                    parts.append(event.data)
                    if event.message_finished:
                        return ("" if isinstance(event, TextMessage) else b"").join(parts)
                elif isinstance(event, Ping):
                    self._send(event.response())
                elif isinstance(event, CloseConnection):
                    self.code = event.code
                    if self._frames.state is ConnectionState.REMOTE_CLOSING:
                        self._send(event.response())
                    return None
            octets = self.tunnel.recv(RECEIVE_SIZE)
            if not octets:
                return None
            self._frames.receive_data(octets)
            self._events = self._frames.events()

    def end(self, code=1000):
        """Send the closing frame, once; what the peer sends before its own is still heard."""
        with self._sending:
            if self._frames.state is ConnectionState.OPEN:
                self.tunnel.sendall(self._frames.send(CloseConnection(code=code)))

    def close(self):
        """Send the closing frame, wait for the peer's, and close the tunnel (RFC 6455, 7.1.1)."""
        try:
            self.end()
            while self.code is None and self.hear() is not None:
                pass
        except OSError:
            pass  # the peer was quicker
        finally:
            self.tunnel.close()

    def _send(self, event):
        with self._sending:
            self.tunnel.sendall(self._frames.send(event))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def main():
    """Send lines, and print messages."""
    url = sys.argv[1]
    secure = urlsplit(url).scheme in ("https", "wss")
    with (
        hyper.HTTP20Connection(urlsplit(url).netloc, secure=secure) as conn,
        Chat(conn, url) as chat,
    ):

        def say_lines():
            for line in sys.stdin:
                chat.say(line.rstrip("\n"))
            chat.end()

        threading.Thread(target=say_lines, daemon=True).start()
        while (message := chat.hear()) is not None:
            print(message, flush=True)


if __name__ == "__main__":
    main()
