"""Messages with a length in front of them, received by hyper's BufferedSocket.

    python examples/messages.py

sends three messages over a pair of sockets, and prints how long each was.
"""

from __future__ import annotations

import socket
import struct
import threading

from hyper import BufferedSocket

LENGTH = struct.Struct(">L")


def messages(sock):
    """Yield each message whole, until the peer closes."""
    buffered = BufferedSocket(sock)
    while buffered.fill():
        view = buffered.view
        start = 0
        while len(view) - start >= LENGTH.size:
            (size,) = LENGTH.unpack_from(view, start)
            end = start + LENGTH.size + size
            if end > len(view):
                break  # the rest of this message has not come yet
            yield bytes(view[start + LENGTH.size : end])
            start = end
        buffered.advance(start)
    if len(buffered):
        raise EOFError("the peer closed within a message")


def main():
    """Send three messages to ourselves."""
    ours, theirs = socket.socketpair()

    def send():
        with theirs:
            for message in (b"hello", b"", bytes(60_000)):
                theirs.sendall(LENGTH.pack(len(message)) + message)

    sender = threading.Thread(target=send)
    sender.start()
    with ours:
        for message in messages(ours):
            print(len(message))
    sender.join()


if __name__ == "__main__":
    main()
