"""HTTP20Connection, and everything that it gives to a caller: responses, pushes, streams, tunnels.

Read ``connection.py`` first: a request is put together, sent, and found again by its id.  Then
``exchange.py``: responses, pushes, streams and tunnels are built on that one handle.

======================= ===========================================================================
``connection.py``       ``HTTP20Connection``: the methods that callers use
``request_head.py``     the header section of a request (RFC 9113, 8.3.1)
``putrequest.py``       a request in pieces, as http.client has it
``content.py``          the content of a request (RFC 9110, 6.4)
``registry.py``         the requests that callers know, by id; what became of each
``sender.py``           a request leaves on the connection of the moment
``replay.py``           a request that was not processed goes out again (RFC 9113, 8.7)
``stats.py``            figures of a connection
``former_names.py``     the names of hyper 0.x, which apns2 uses
``movers.py``           the pumps and the sender of one object, told of a trace or not
``traced.py``           the parts that tell a trace, in the place of others while one is on
``pumps.py``            the connection of the moment and former ones (RFC 9113, 6.8)
``route.py``            how a server is reached, and what is announced to it (RFC 9113, 6.5.2)
``dial.py``             from a host and a port to HTTP/2: ALPN, prior knowledge (RFC 9113, 3)
``timeouts.py``         how long a thread waits
``exchange.py``         one stream, as all that use it share it (RFC 9113, 8.1)
``response.py``         a response, read as a file
``content_codings.py``  gzip, deflate, br and zstd (RFC 9110, 8.4)
``push.py``             a promised request and its response (RFC 9113, 8.4)
``stream.py``           a request and its response at the same time, as a file
``tunnel.py``           CONNECT, as a socket (RFC 9113, 8.5; RFC 8441)
======================= ===========================================================================

The rules of HTTP/2 themselves are in ``protocol/``.  ``pump/`` says which thread waits for which.
This package is the inside of hyper: its names may change.
"""
