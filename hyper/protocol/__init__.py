"""RFC 9113 without IO: one side of one connection, as objects that know no socket, thread or clock.

Octets go in and calls go in, frames come out in a list, and streams change.  ``pump`` moves the
octets and holds the lock; ``client`` gives users what they hold.  This package is the inside of
hyper: its names may change.

Read it in this order:

1. ``frames.py``: frames as octets and as numbers;
2. ``states.py``: the tables of what may happen when;
3. ``stream.py``: the memory of one exchange, and the rules of a message;
4. ``receivers.py``: one function for each frame type that comes;
5. ``endpoint.py``: the connection, which calls the receivers, and whose commands send frames;
6. ``limits.py``: how much of anything a peer may send, and ``promises.py``: how many pushes wait;
7. ``refusals.py``: the words for a request that cannot be sent now;
8. ``flow/``: how much content may come, which has the most to explain.

A rule of RFC 9113 is found by its section:

======================================== =================================================
section                                  file
======================================== =================================================
3.4 preface                              ``endpoint.py`` sends it, ``receivers.py`` PREFACE
4.1, 4.2, 6 form of a frame              ``frames.py``
4.3, 6.10 field blocks in pieces         ``receivers.py``; their code is ``hyper.hpack``
5.1 states of a stream                   ``states.py``
5.1.1, 5.1.2 stream ids, concurrency     ``endpoint.py``
5.2, 6.9 flow control                    ``flow/``
5.4 errors, their scope                  raised anywhere, caught in ``Endpoint.receive``
6 arrival of a frame                     ``receivers.py``
6.5 settings                             ``settings.py``
8.1 order of a message's frames          ``states.py``
8.1.1 malformed messages, content-length ``stream.py``, ``messages.py``
8.2 names and values of fields           ``hyper.fields``
8.3 requests and responses               ``messages.py``
8.3.1 targets, authorities               ``origins.py``
8.4 promises                             ``receivers.py``, ``promises.py``, ``messages.py``
8.5, RFC 8441 CONNECT                    ``messages.py``, ``endpoint.py``
10.5 limits against hostile peers        ``limits.py``
RFC 7838, RFC 8336 ALTSVC, ORIGIN        ``origins.py``
RFC 9218 priorities                      ``priorities.py``
======================================== =================================================

A bare number in parentheses, as in "(6.9)", is a section of RFC 9113; in ``hyper.hpack`` it is a
section of RFC 7541.  Other RFCs are named.
"""
