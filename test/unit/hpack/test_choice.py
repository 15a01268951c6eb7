"""hpack/choice.py: the choice of a codec, and what happens where it is not installed."""

import sys

import pytest

import hyper.hpack
from hyper import HTTP20Connection
from hyper.hpack import Decoder, Encoder, choice
from hyper.hpack.decoder import Decoder as PythonDecoder
from hyper.hpack.encoder import Encoder as PythonEncoder

SECTION = ((b":method", b"GET"), (b":path", b"/some/where"))


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch):
    monkeypatch.delenv("HYPER_HPACK", raising=False)


@pytest.fixture
def without_libnghttp2(monkeypatch):
    monkeypatch.setitem(sys.modules, "hyper.hpack.nghttp2", None)  # importing it fails
    monkeypatch.delattr(hyper.hpack, "nghttp2", raising=False)
    monkeypatch.setattr(choice, "_loadable", None)


def test_a_codec_is_named():
    assert type(Encoder(codec="python")._codec) is PythonEncoder
    assert type(Decoder(codec="python")._codec) is PythonDecoder


def test_the_environment_names_a_codec(monkeypatch):
    monkeypatch.setenv("HYPER_HPACK", "python")
    assert type(Decoder()._codec) is PythonDecoder
    assert hyper.hpack.implementation == "python"


def test_the_caller_wins(monkeypatch):
    monkeypatch.setenv("HYPER_HPACK", "nghttp2")
    assert type(Encoder(codec="python")._codec) is PythonEncoder


@pytest.mark.parametrize("named", ["rust", "Python"])
def test_another_name_is_the_callers_mistake(monkeypatch, named):
    with pytest.raises(ValueError, match="auto, python, nghttp2"):
        Encoder(codec=named)
    monkeypatch.setenv("HYPER_HPACK", named)
    with pytest.raises(ValueError, match=repr(named)):
        Decoder()


def test_what_is_asked_for_by_name_is_not_replaced(without_libnghttp2):
    with pytest.raises(ImportError):
        Decoder(codec="nghttp2")


def test_a_connection_tells_it_when_it_is_made(without_libnghttp2, monkeypatch):
    """Not when it is dialled: whoever asked is there to be told."""
    with pytest.raises(ImportError):
        HTTP20Connection("example.org", codec="nghttp2")
    monkeypatch.setenv("HYPER_HPACK", "nghttp2")
    with pytest.raises(ImportError):
        HTTP20Connection("example.org")
    monkeypatch.setenv("HYPER_HPACK", "rust")
    with pytest.raises(ValueError, match="auto, python, nghttp2, not 'rust'"):
        HTTP20Connection("example.org")
    HTTP20Connection("example.org", codec="python")


def test_auto_does_without_what_is_not_there(without_libnghttp2, monkeypatch):
    monkeypatch.setitem(
        choice.FASTER, sys.implementation.name, dict.fromkeys(choice.KINDS, "nghttp2")
    )
    assert type(Encoder()._codec) is PythonEncoder
    assert type(Decoder(codec="auto")._codec) is PythonDecoder
    assert hyper.hpack.implementation == "python"


def test_auto_follows_what_was_measured(monkeypatch):
    pytest.importorskip("hyper.hpack.nghttp2", exc_type=ImportError)
    measured = {"Encoder": "nghttp2", "Decoder": "python"}
    monkeypatch.setitem(choice.FASTER, sys.implementation.name, measured)
    assert hyper.hpack.implementation == "nghttp2 to encode, python to decode"
    assert type(Decoder()._codec) is PythonDecoder
    assert Decoder().decode_section(Encoder().encode_section(SECTION)) == SECTION


def test_an_interpreter_that_was_not_measured_has_ours(monkeypatch):
    monkeypatch.setattr(choice, "FASTER", {})
    assert hyper.hpack.implementation == "python"


def test_there_is_nothing_else_in_the_package():
    with pytest.raises(AttributeError, match="no attribute 'implementations'"):
        _ = hyper.hpack.implementations
