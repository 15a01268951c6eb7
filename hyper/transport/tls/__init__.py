"""TLS: HTTP/2 over it (RFC 9113, 9.2), by the ``ssl`` module or by pyOpenSSL.

Read ``transport.py`` first: a transport over another one, with a filter between the two.

====================== ===========================================================================
``context.py``         ``init_context``; which backend's filter belongs to a context
``policy.py``          ALPN's names (RFC 7301); what RFC 9113 demands: 3.2, 9.2, appendix A
``filter.py``          what the filters of both backends share
``stdlib.py``          the first backend: ``ssl``
``pyopenssl.py``       the second backend
``trust.py``           what both say about certificates: one fault, one exception
``pinned.py``          pins: the caller's question after each handshake
``view.py``            the result of a handshake, as users see it
``ssl_socket.py``      a transport over an ``ssl.SSLSocket`` that somebody else has opened
``filter_socket.py``   a filter as a socket, for http.client
``alpn_context.py``    contexts in http.client's hands
====================== ===========================================================================
"""
