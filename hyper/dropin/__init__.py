"""http.client's classes over HTTP/2: the same names, the same calls, another protocol.

In this order it is read best:

1. ``connection.py``: ``HTTPConnection`` and ``HTTPSConnection``.  ``states.py``: their states.
2. ``request_lines.py``: how a request that http.client wrote becomes a header section.
3. ``session.py``: ``SocketConnection`` and ``PendingRequest``, HTTP/2 on http.client's socket.
4. ``response.py``: what ``getresponse`` returns.  ``socket_view.py``: what ``conn.sock`` is.
5. ``bases.py`` keeps http.client's classes as they were when hyper was imported.
6. ``arguments.py`` checks what the constructors are given.  ``upgrade.py`` is about the change from
   HTTP/1.1 in cleartext.
7. ``chunked.py`` takes the chunked coding off content; ``create_connection.py`` reaches a server
   through a proxy or a Unix socket.
8. ``watched.py`` tells a trace what http.client does. In HTTP/1.1 ``watched_socket.py`` stands in
   the place of its socket.  ``wrapped.py`` calls methods of http.client's that a program has
   wrapped.

http.client does, on both protocols: checking and formatting of requests, default fields, states,
the opening of the socket, TLS, CONNECT with ``set_tunnel``, debug output and audit events.  On
HTTP/1.1 it does all the rest as well.

hyper does: ALPN (RFC 9113, 3.2) or prior knowledge (3.3), the translation of the request's lines
into a header section (8.3.1), the stream, and the response.
"""
