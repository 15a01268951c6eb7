"""Content codings: gzip and deflate by ``zlib``, br and zstd where their packages are there.

A ``ContentDecoder`` gives decoded octets in bounded steps, so that a few octets from the peer
cannot become gigabytes in memory before the caller has asked for them (RFC 9110, 8.4).
"""

from __future__ import annotations

import zlib

from .errors import RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

#: Decoded octets a step.
STEP = 256 * 1024


class _Zlib:
    """gzip (RFC 1952), or deflate with its zlib wrapper (RFC 1950) or, as many send, without."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._object = zlib.decompressobj(wbits)
        self._fresh = True

    def steps(self, octets: bytes) -> Iterator[bytes]:
        while octets:
            if self._object.eof:
                # "gzip" content may be several members in a row (RFC 1952, 2.2).
                self._object = zlib.decompressobj(self._wbits)
            yield self._decompress(octets)
            octets = self._object.unconsumed_tail or self._object.unused_data

    def _decompress(self, octets: bytes) -> bytes:
        try:
            decoded = self._object.decompress(octets, STEP)
        except zlib.error:
            if not self._fresh or self._wbits != zlib.MAX_WBITS:
                raise
            self._wbits = -zlib.MAX_WBITS
            self._object = zlib.decompressobj(self._wbits)
            decoded = self._object.decompress(octets, STEP)
        self._fresh = False
        return decoded

    def is_whole(self) -> bool:
        return self._fresh or self._object.eof


class _Brotli:
    """br (RFC 7932), by the package brotli, or brotlicffi on PyPy."""

    def __init__(self) -> None:
        try:
            import brotli
        except ImportError:
            import brotlicffi as brotli
        self._object: Any = brotli.Decompressor()
        self._fresh = True

    def steps(self, octets: bytes) -> Iterator[bytes]:
        self._fresh = False
        process = getattr(self._object, "process", None) or self._object.decompress
        try:
            yield process(octets, output_buffer_limit=STEP)
            while not self._object.can_accept_more_data():
                yield process(b"", output_buffer_limit=STEP)
        except TypeError:  # before brotli 1.2: no limit
            yield process(octets)

    def is_whole(self) -> bool:
        return self._fresh or bool(self._object.is_finished())


class _Zstd:
    """zstd (RFC 8878), by the standard library from 3.14 on, or the package backports.zstd."""

    def __init__(self) -> None:
        try:
            from compression import zstd
        except ImportError:
            from backports import zstd
        self._new: Any = zstd.ZstdDecompressor
        self._object: Any = self._new()
        self._fresh = True

    def steps(self, octets: bytes) -> Iterator[bytes]:
        self._fresh = False
        while octets or not (self._object.needs_input or self._object.eof):
            if self._object.eof:
                self._object = self._new()
            yield self._object.decompress(octets, STEP)
            octets = self._object.unused_data if self._object.eof else b""

    def is_whole(self) -> bool:
        return self._fresh or bool(self._object.eof)


CODINGS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "x-gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _Brotli,
    "zstd": _Zstd,
}


def _available() -> list[str]:
    names = ["gzip", "deflate"]
    for name in ("br", "zstd"):
        try:
            CODINGS[name]()
        except ImportError:
            continue
        names.append(name)
    return names


_accept_encoding: list[str] = []


def accept_encoding() -> str:
    """What can be decoded here, as the value of an accept-encoding field (RFC 9110, 12.5.3)."""
    if not _accept_encoding:
        _accept_encoding.append(", ".join(_available()))
    return _accept_encoding[0]


class ContentDecoder:
    """Takes off the codings named by a content-encoding field, the last one first."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._layers = [CODINGS[name]() for name in reversed(names)]

    def steps(self, octets: bytes) -> Iterator[bytes]:
        """Decoded octets, at most ``STEP`` a time and layer; none may come of some octets.

        Raises RemoteProtocolError for octets that are not of this coding.
        """
        try:
            yield from self._through(self._layers, octets)
        except Exception as error:
            # Each package has an exception of its own for damage, and some only a bare one.
            raise RemoteProtocolError(
                f"the content is not {', '.join(self._names)} as its content-encoding says"
                f" ({error}) (RFC 9110, 8.4)"
            ) from error

    def _through(self, layers: list[Any], octets: bytes) -> Iterator[bytes]:
        if not layers:
            yield octets
            return
        for step in layers[0].steps(octets):
            if step:
                yield from self._through(layers[1:], step)

    def require_whole(self) -> None:
        """At the end of content: raise RemoteProtocolError if the coding has not ended."""
        if not all(layer.is_whole() for layer in self._layers):
            raise RemoteProtocolError(
                f"the content ended within its coding {', '.join(self._names)} (RFC 9110, 8.4)"
            )


def decoder_for(content_encoding: str | None) -> ContentDecoder | None:
    """The decoder for the value of a content-encoding field.

    None where nothing is coded, or a coding cannot be decoded here: then content is left as is.
    """
    if not content_encoding:
        return None
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names or not all(name in CODINGS for name in names):
        return None
    try:
        return ContentDecoder(names)
    except ImportError:
        return None
