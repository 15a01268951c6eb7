"""CPython's own tests that do not hold for hyper's classes, by name, each with its reason.

A reason is what a maintainer of http.client would accept: the test reads what is private, or asks
for what no other implementation could have.  A test that is named here and passes is an error, so
that the list does not grow stale.
"""

from __future__ import annotations

EXCEPTIONS: dict[str, str] = {
    "test.test_httplib.OfflineTest.test_all": (
        "compares __all__ with the names whose objects say __module__ == 'http.client'; hyper's"
        " three classes say where they are written, hyper.dropin. That hyper has every name of"
        " __all__ is kept by test/dropin/test_exports.py"
    ),
    "test.test_httplib.BasicTest.test_too_many_interim_responses": (
        "wants an error after a hundred interim responses, as newer Pythons have it; hyper's limit"
        " is one of octets and of a rate, which servers that tell their progress do not reach:"
        " test/scripted/test_answers.py"
    ),
}
