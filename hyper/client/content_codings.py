"""Content codings: gzip and deflate by ``zlib``, br and zstd where their packages are there.

A ``ContentDecoder`` gives decoded octets in bounded steps, so that a few octets from the peer
cannot become gigabytes in memory before the caller has asked for them (RFC 9110, 8.4).
"""

from __future__ import annotations

import zlib

from ..errors import RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

#: Decoded octets a step.
STEP = 256 * 1024
#: A zstd frame may ask for a window of 8 MiB, and no more (RFC 9659, 3): it must be allocated.
ZSTD_WINDOW_LOG = 23
#: Each coding multiplies time and memory; honest servers apply one, or two.
MAX_LAYERS = 5


class _Zlib:
    """gzip (RFC 1952), or deflate with its zlib wrapper (RFC 1950)."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._object = zlib.decompressobj(wbits)
        self._is_fresh = True

    def steps(self, octets: bytes) -> Iterator[bytes]:
        is_full = False
        while octets or is_full:
            self._is_fresh = False
            if self._object.eof:
                # "gzip" content may be several members in a row (RFC 1952, 2.2).
                self._object = zlib.decompressobj(self._wbits)
            step = self._object.decompress(octets, STEP)
            yield step
            octets = self._object.unconsumed_tail or self._object.unused_data
            # A step that was filled to the brim may have left some within.
            is_full = len(step) == STEP and not self._object.eof

    def is_whole(self) -> bool:
        return self._is_fresh or self._object.eof


class _Deflate(_Zlib):
    """deflate as RFC 9110, 8.4.1.2 has it or, as many send it, without its wrapper (RFC 1951)."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)
        #: octets that came before there were two; None when the form is known
        self._head: bytes | None = b""

    def steps(self, octets: bytes) -> Iterator[bytes]:
        if self._head is not None and octets:
            self._is_fresh = False
            octets = self._head + octets
            if len(octets) == 1:
                self._head = octets
                return
            self._head = None
            # The wrapper's two octets name method 8 and are divisible by 31 (RFC 1950, 2.2).
            if octets[0] & 0xF != 8 or (octets[0] << 8 | octets[1]) % 31:
                self._wbits = -zlib.MAX_WBITS
                self._object = zlib.decompressobj(self._wbits)
        yield from super().steps(octets)


class _Brotli:
    """br (RFC 7932), by the package brotli, or brotlicffi on PyPy."""

    def __init__(self) -> None:
        try:
            import brotli
        except ImportError:
            import brotlicffi as brotli
        self._object: Any = brotli.Decompressor()
        self._is_fresh = True

    def steps(self, octets: bytes) -> Iterator[bytes]:
        self._is_fresh = False
        process = getattr(self._object, "process", None) or self._object.decompress
        if not hasattr(self._object, "can_accept_more_data"):  # before 1.2: no limit
            yield process(octets)
            return
        step = process(octets, output_buffer_limit=STEP)
        while step or not self._object.can_accept_more_data():
            yield step
            step = process(b"", output_buffer_limit=STEP)

    def is_whole(self) -> bool:
        return self._is_fresh or bool(self._object.is_finished())


class _Zstd:
    """zstd (RFC 8878), by the standard library from 3.14 on, or the package backports.zstd."""

    def __init__(self) -> None:
        try:
            from compression import zstd
        except ImportError:
            from backports import zstd
        self._zstd: Any = zstd
        self._object: Any = self._new()
        self._is_fresh = True

    def _new(self) -> Any:
        limit = {self._zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
        return self._zstd.ZstdDecompressor(options=limit)

    def steps(self, octets: bytes) -> Iterator[bytes]:
        self._is_fresh = False
        while octets or not (self._object.needs_input or self._object.eof):
            if self._object.eof:
                self._object = self._new()
            yield self._object.decompress(octets, STEP)
            octets = self._object.unused_data if self._object.eof else b""

    def is_whole(self) -> bool:
        return self._is_fresh or bool(self._object.eof)


CODINGS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "x-gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "deflate": _Deflate,
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
        #: what was wrong, if anything was: then nothing that follows is content
        self._fault: Exception | None = None

    def steps(self, octets: bytes) -> Iterator[bytes]:
        """Decoded octets, about ``STEP`` a time and layer; none may come of some octets.

        Lazily: what is not asked for is not decoded.  Raises RemoteProtocolError for octets that
        are not of this coding, now and ever after.
        """
        self._require_sound()
        try:
            yield from self._through(self._layers, octets)
        except Exception as error:  # noqa: BLE001 - each package has an exception of its own
            self._fault = error
            self._require_sound()

    def _require_sound(self) -> None:
        if self._fault is not None:
            raise RemoteProtocolError(
                f"the content is not {', '.join(self._names)} as its content-encoding says"
                f" ({self._fault}) (RFC 9110, 8.4)"
            ) from self._fault

    def _through(self, layers: list[Any], octets: bytes) -> Iterator[bytes]:
        if not layers:
            yield octets
            return
        for step in layers[0].steps(octets):
            if step:
                yield from self._through(layers[1:], step)

    def require_whole(self) -> None:
        """At the end of content: raise RemoteProtocolError if the coding has not ended."""
        self._require_sound()
        if not all(layer.is_whole() for layer in self._layers):
            raise RemoteProtocolError(
                f"the content ended within its coding {', '.join(self._names)} (RFC 9110, 8.4)"
            )


def decoder_for(content_encoding: str) -> ContentDecoder | None:
    """The decoder for the value of a content-encoding field.

    None where nothing is coded, or a coding cannot be decoded here: then content is left as is.
    Raises RemoteProtocolError for more than ``MAX_LAYERS`` of them.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names or not all(name in CODINGS for name in names):
        return None
    if len(names) > MAX_LAYERS:
        raise RemoteProtocolError(
            f"{len(names)} content codings, one over the other: more than {MAX_LAYERS} are not"
            " taken off (RFC 9110, 8.4)"
        )
    try:
        return ContentDecoder(names)
    except ImportError:
        return None
