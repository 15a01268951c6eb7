"""The lowest room, which all others use: it imports nothing but ``errors``.

====================== ===========================================================================
``hosts.py``           names of hosts, and ports, by one grammar (RFC 9110, 4.2; RFC 3986, 3.2)
``memo.py``            a dict with a limit, for results that are worth keeping
``fork.py``            what the child of a fork must not share with its parent (RFC 9113, 9.1)
``interruptions.py``   which exceptions are a signal handler's, and which are the system's
====================== ===========================================================================

The folder is the inside of hyper: a program does not import it.
"""
