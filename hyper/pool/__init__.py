"""The pool: connections to many servers, shared by many threads.

Read first ``pool.py``: ``hyper.Pool``, which the integrations of requests and httpx stand on::

    pool.py               Pool: requests, limits, idle connections
    site.py               one origin: its connections, which one a request takes, which protocol
    shared.py             one HTTP/2 connection of many threads, each with a timeout of its own
    coalescing.py         a connection of another origin that serves this one, too (RFC 9113, 9.1.1)
    http1_connections.py  the connections to an origin that speaks HTTP/1.1 alone (RFC 9112)

The room lies above ``client`` and ``dropin``, because it uses both. Reuse of connections is RFC
9113, 9.1; the number of streams is 5.1.2; one connection for several origins is 9.1.1 and RFC 8336.

One lock guards the lists of a pool. Nothing is waited for while it is held: dialling, closing and
every octet come before it is taken, or after it was released.
"""
