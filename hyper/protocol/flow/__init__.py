"""Flow control: how much the peer may send, and how much we may (RFC 9113, 5.2, 6.9).

Each file answers one question:

* ``windows.py``: how much may be sent now?  A window for each stream and one for the connection,
  in each direction.  DATA frames are checked here.
* ``managers.py``: how much room does a stream need?  The default manager learns it; users may give
  a class of their own.
* ``budget.py``: how much room is there?  All that is unread, or may still come, stays within one
  number of octets for each connection.
* ``tuning.py``: when are the managers asked, and when is the path measured?

This becomes of a DATA frame: ``receivers.receive_data`` takes it out of the connection's window and
the stream's.  A reader takes the content and calls ``tuning.consume``.  The window asks its
manager, which names an increment.  The stream's share of the budget grants it, or a part of it,
and a WINDOW_UPDATE goes out.  The heads of ``budget.py`` and ``managers.py`` have the theory.

A bare number in parentheses, as in "(6.9)", is a section of RFC 9113.
"""
