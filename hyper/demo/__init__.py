"""The demo: ``python -m hyper.demo`` shows what one HTTP/2 connection can carry.

A small café listens on a loopback port, over TLS, with a certificate made a moment ago.  It is
run by PyPI's ``h2``, so that hyper talks to a peer that shares no code with it.  A guest, who uses
nothing but hyper's public names, asks for several things and prints what came, as it came.

``cafe`` is what may be asked for, ``server`` brings it, ``timeline`` prints, ``story`` is the
guest.  The server runs in a thread of the demo's; hyper itself starts none.
"""
