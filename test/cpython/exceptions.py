"""Tests of CPython's own suites that do not hold for hyper's classes, each with the reason.

A name is a module, or `module.Class`, or `module.Class.test`.  A reason is what a maintainer of
http.client would accept: the test reads what is private, or asks for what is different by design.
A test that is named here and passes is an error, so that the list never grows stale.
"""

from __future__ import annotations

EXCEPTIONS: dict[str, str] = {}
