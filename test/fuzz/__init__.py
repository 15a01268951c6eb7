"""Random input against all that reads strangers' octets: ``python -m test.fuzz --time 60``.

``__main__`` is the command, ``targets`` has what is played, ``mutations`` changes octets,
``model`` is a server and a caller that do anything, ``seeds`` has octets to begin with, and
``corpus/`` recorded conversations. ``test_short`` plays a little of each target in the suite.
"""
