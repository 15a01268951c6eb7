"""`import hyper as http_client`: whatever name a script takes from http.client is there."""

from __future__ import annotations

import http
import http.client
import subprocess
import sys
import types
from pathlib import Path

import pytest

import hyper
from hyper.dropin import connection as dropin

ROOT = Path(__file__).resolve().parent.parent.parent
OWN = {"HTTPConnection", "HTTPResponse", "HTTPSConnection"}
PUBLIC = sorted(
    name
    for name, value in vars(http.client).items()
    # Names that http.client has imported for itself are not its own.
    if not name.startswith("_")
    and not isinstance(value, types.ModuleType)
    and (name in http.client.__all__ or name.isupper() or value.__module__ == "http.client")
)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_of_http_client_is_here(name):
    ours = getattr(hyper, name)
    if name in OWN:
        assert ours is getattr(dropin, name)
        assert issubclass(ours, getattr(http.client, name))
    else:
        assert ours is getattr(http.client, name)


def test_the_names_that_are_looked_for_include_all_kinds():
    assert set(http.client.__all__) | set(http.HTTPStatus.__members__) <= set(PUBLIC)
    assert {"HTTP_PORT", "HTTPS_PORT", "HTTPMessage", "parse_headers"} <= set(PUBLIC)


def test_a_star_import_brings_what_http_clients_does_and_more():
    names = {}
    exec("from hyper import *", names)  # a module's star import cannot stand in a function
    assert set(http.client.__all__) <= set(names)
    assert names["HTTPSConnection"] is dropin.HTTPSConnection
    assert names["HTTP20Connection"] is hyper.HTTP20Connection


def test_dir_shows_what_is_not_loaded_yet():
    assert set(PUBLIC) <= set(dir(hyper))
    assert set(hyper.__all__) <= set(dir(hyper))


def test_a_name_that_neither_has_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'hyper'.*'HTTP3Connection'"):
        hyper.HTTP3Connection  # noqa: B018 - it is the asking


def test_the_drop_in_is_loaded_when_it_is_asked_for():
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import hyper;"
        "assert 'hyper.dropin.connection' not in sys.modules; hyper.HTTPSConnection;"
        "assert 'hyper.dropin.connection' in sys.modules"
    )
    subprocess.run([sys.executable, "-I", "-c", script], check=True)


def test_a_script_may_put_hypers_class_in_http_clients_place(monkeypatch):
    """A program does that to have all of its connections be hyper's.

    Not with HTTPSConnection: http.client's own looks itself up by that name, in super().
    """
    monkeypatch.setattr(http.client, "HTTPConnection", hyper.HTTPConnection)
    assert http.client.HTTPConnection("localhost", 8080).port == 8080
