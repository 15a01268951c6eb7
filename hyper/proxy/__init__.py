"""Proxies: a tunnel through one, as a transport whose other end is the server (RFC 9110, 9.3.6).

Read ``connect.py`` first. Over HTTP/1.1 and SOCKS the tunnel is the transport to the proxy itself,
once the proxy has agreed; not an octet beyond its answer is read. Over HTTP/2 it is a stream, and
so needs a transport of its own. A refusal is a ProxyError with what the proxy wants, or with the
beginning of its explanation. Which proxy it is, the user says by ``hyper.proxies``.

======================= ============================================================================
``connect.py``          ``open_tunnel``: connect to the proxy, over TLS perhaps, and ask it
``http1.py``            CONNECT in HTTP/1.1: RFC 9110, 9.3.6
``http2.py``            CONNECT in HTTP/2: RFC 9113, 8.5
``socks.py``            SOCKS 5: RFC 1928; credentials: RFC 1929
``stream_transport.py`` ``TunnelTransport``: a stream of the proxy's connection as a transport
``blocking_stream.py``  ``BlockingStream``: a transport for code that blocks
``refusal.py``          the ProxyError; 407 and Proxy-Authenticate: RFC 9110, 11.7 and 15.5.8
======================= ============================================================================
"""
