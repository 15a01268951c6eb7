"""Servers and proxies that want to do harm, and what they cost: ``python -m test.attacks``.

``servers`` has what they send, ``client`` is what they are played on, in a process of its own, and
``__main__`` prints the table.
"""
