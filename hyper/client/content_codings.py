"""Content codings: gzip and deflate by ``zlib``, br and zstd where their packages are installed.

A ``ContentDecoder`` gives decoded octets in bounded steps, so that a few octets from the peer
cannot become gigabytes in memory before the caller has asked for them (RFC 9110, 8.4).  A step may
be empty: the caller looks at the clock between steps.  Decoding that gives little content for much
work is refused, because a coding over a coding can hide years of it in a few hundred octets.
"""

from __future__ import annotations

import re
import sys
import zlib

from ..errors import LocalProtocolError, RemoteProtocolError
from ..foundation.interruptions import is_of_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

    from ..fields import Fields

#: Decoded octets that a step has at most.
STEP = 256 * 1024
#: A zstd frame may ask for a window of 8 MiB, and no more (RFC 9659, 3): it must be allocated.
ZSTD_WINDOW_LOG = 23
#: Codings one over the other. RFC 9110, 8.4 gives no limit, but each multiplies time: servers
#: apply one, and a second where a proxy codes again what was coded already.
MAX_LAYERS = 2
#: Octets of a next member or frame that are fed at first. A decompressor copies what it did not
#: need; without a bound, 256 KiB of tiny members would be copied once for each of them.
FIRST_FEED = 1024

#: Work is counted in octets that a decompressor is fed, and each call of it costs as many as this:
#: a call with a new decompressor takes some microseconds.
CALL_COST = 128
#: Work that each content may cause without giving octets: above what decompressors keep to
#: themselves, which is one block of zstd (128 KiB), and far below a second of time.
SPARE_WORK = 1024 * 1024
#: Work that a piece from the peer allows, so that DATA frames of one octet can be decoded.
PIECE_WORK = 16 * CALL_COST
#: Work that each octet from the peer allows: an empty gzip member has 20 octets and costs a call.
OCTET_WORK = 16

#: The zeros with which tapes and disk blocks are filled up behind a gzip member.
PADDING = re.compile(rb"\0*").match


class _Fault(Exception):
    """The content breaks a rule that hyper itself checks."""


class _Zlib:
    """A stream of zlib's that ends where the content does: deflate (RFC 1950)."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._object = zlib.decompressobj(wbits)
        self._is_fresh = True
        self.error: type[Exception] = zlib.error

    def steps(self, octets: bytes) -> Iterator[bytes]:
        """Decoded octets, one step for each call of the decompressor."""
        at, end, feed = 0, len(octets), len(octets)
        is_full = False
        while at < end or is_full:
            self._is_fresh = False
            if self._object.eof:
                at = self._begin_next(octets, at)
                if at == end:
                    return
                feed = FIRST_FEED
            fed = octets[at : at + feed]
            step = self._object.decompress(fed, STEP)
            at += len(fed) - len(self._object.unconsumed_tail or self._object.unused_data)
            feed = min(4 * feed, end)
            # A step of full size may have left octets inside the decompressor.
            is_full = len(step) == STEP and not self._object.eof
            yield step

    def _begin_next(self, octets: bytes, at: int) -> int:
        """Judge octets behind the end; return where what follows begins."""
        raise _Fault(f"{len(octets) - at} octets follow its end")

    def is_whole(self) -> bool:
        """True if the content may end here."""
        return self._is_fresh or self._object.eof


class _Gzip(_Zlib):
    """gzip, which may have several members in a row (RFC 1952, 2.2) and zeros behind each."""

    def __init__(self) -> None:
        super().__init__(16 + zlib.MAX_WBITS)

    def _begin_next(self, octets: bytes, at: int) -> int:
        padding = PADDING(octets, at)
        at = padding.end() if padding else at
        if at < len(octets):
            self._object = zlib.decompressobj(self._wbits)
        return at


class _Deflate(_Zlib):
    """deflate as RFC 9110, 8.4.1.2 has it or, as many send it, without its wrapper (RFC 1951)."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)
        #: the first octet until there are two; None when the form is known
        self._head: bytes | None = b""

    def steps(self, octets: bytes) -> Iterator[bytes]:
        """Decoded octets, one step for each call of the decompressor."""
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


def _bounded_brotli() -> Any:
    """The package brotli or brotlicffi, from 1.2 on.

    Older ones have no limit for what one call gives: 809 octets become 2 GiB in memory.
    Raises ImportError where neither is installed.
    """
    try:
        import brotli as package

        if _is_bounded(package):
            return package
    except ImportError:
        pass
    import brotlicffi as package

    if not _is_bounded(package):
        raise ImportError("br needs brotli >= 1.2, or brotlicffi >= 1.2")
    return package


def _is_bounded(package: Any) -> bool:
    return hasattr(package.Decompressor, "can_accept_more_data")


class _Brotli:
    """br (RFC 7932)."""

    def __init__(self) -> None:
        package = _bounded_brotli()
        self._object: Any = package.Decompressor()
        self._is_fresh = True
        self.error: type[Exception] = package.error

    def steps(self, octets: bytes) -> Iterator[bytes]:
        """Decoded octets, one step for each call of the decompressor."""
        self._is_fresh = False
        step = self._object.process(octets, output_buffer_limit=STEP)
        yield step
        while step or not self._object.can_accept_more_data():
            step = self._object.process(b"", output_buffer_limit=STEP)
            yield step

    def is_whole(self) -> bool:
        """True if the content may end here."""
        return self._is_fresh or bool(self._object.is_finished())


class _Zstd:
    """zstd (RFC 8878), by the standard library from 3.14 on, or the package backports.zstd."""

    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        self._zstd: Any = zstd
        self._object: Any = self._new()
        self._is_fresh = True
        self.error: type[Exception] = zstd.ZstdError

    def _new(self) -> Any:
        limit = {self._zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
        return self._zstd.ZstdDecompressor(options=limit)

    def steps(self, octets: bytes) -> Iterator[bytes]:
        """Decoded octets, one step for each call of the decompressor."""
        self._is_fresh = False
        at, end, feed = 0, len(octets), len(octets)
        while at < end or not (self._object.needs_input or self._object.eof):
            if self._object.eof:
                # Content may be several frames in a row, skippable ones too (RFC 8878, 3).
                self._object = self._new()
                feed = FIRST_FEED
            fed = octets[at : at + feed]
            step = self._object.decompress(fed, STEP)
            at += len(fed) - (len(self._object.unused_data) if self._object.eof else 0)
            feed = min(4 * feed, end)
            yield step

    def is_whole(self) -> bool:
        """True if the content may end here."""
        return self._is_fresh or bool(self._object.eof)


CODINGS: dict[str, Callable[[], Any]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
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
    """Name what can be decoded here, as an accept-encoding field's value (RFC 9110, 12.5.3)."""
    if not _accept_encoding:
        _accept_encoding.append(", ".join(_available()))
    return _accept_encoding[0]


#: The field that asks for content without any coding, and has to go beside Range: a part of coded
#: octets cannot be decoded (RFC 9110, 12.5.3, 14.2).
IDENTITY_ALONE: Fields = ((b"accept-encoding", b"identity"),)


def offer(decodes: bool) -> Fields:
    """Make the accept-encoding field of a request whose caller gives none.

    Args:
        decodes: whether content codings are taken off.
    """
    if not decodes:
        return IDENTITY_ALONE
    return ((b"accept-encoding", accept_encoding().encode()),)


class ContentDecoder:
    """Takes off the codings named by a content-encoding field, the last one first."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._layers = [CODINGS[name]() for name in reversed(names)]
        self._errors = (_Fault, *{layer.error for layer in self._layers})
        #: octets of work that decoding may still cost
        self._allowance = SPARE_WORK
        #: what was wrong, if anything was: then nothing that follows is content
        self._fault: Exception | None = None
        #: the exception of the program's own that came in the middle of a step, by its name
        self._interruption = ""

    def steps(self, octets: bytes) -> Iterator[bytes]:
        """Decoded octets, about ``STEP`` a time; empty where a step of the work gave none.

        Decoding is lazy: what is not asked for is not decoded.

        Raises:
            RemoteProtocolError: the octets are not of this coding, or decoding them costs much
                work for little content; every later call raises it again.
            LocalProtocolError: an exception of the program's own, out of a signal handler perhaps,
                ended an earlier step, whose octets are lost.
        """
        self.require_sound()
        # Each octet may be fed once, beside what it allows.
        self._allowance += PIECE_WORK + (OCTET_WORK + 1) * len(octets)
        try:
            for step in self._through(self._layers, octets):
                self._allowance += len(step)
                yield step
        except self._errors as error:
            if is_of_signal(error):  # a handler may raise one of these as well
                self._interruption = type(error).__name__
                raise
            self._fault = error
            self.require_sound()
        except GeneratorExit:  # nobody wants the rest
            raise
        except BaseException as error:  # Ctrl-C, or a signal handler's
            self._interruption = type(error).__name__
            raise

    def require_sound(self) -> None:
        """Raise what every later call raises if an earlier step went wrong."""
        if self._fault is not None:
            raise RemoteProtocolError(
                f"the content is not {', '.join(self._names)} as its content-encoding says"
                f" ({self._fault}) (RFC 9110, 8.4)"
            ) from self._fault
        if self._interruption:
            raise LocalProtocolError(
                f"decoding was interrupted by {self._interruption}, which this program raised, and"
                " the octets of that step are lost: close the response and repeat the request"
            )

    def _through(self, layers: list[Any], octets: bytes) -> Iterator[bytes]:
        self._allowance -= len(octets)
        inner = layers[1:]
        for step in layers[0].steps(octets):
            self._allowance -= CALL_COST
            if self._allowance < 0:
                raise _Fault("decoding it costs much work for little content")
            if inner and step:
                yield from self._through(inner, step)
            else:
                yield b"" if inner else step

    def require_whole(self) -> None:
        """At the end of content: raise RemoteProtocolError if the coding has not ended."""
        self.require_sound()
        if not all(layer.is_whole() for layer in self._layers):
            raise RemoteProtocolError(
                f"the content ended within its coding {', '.join(self._names)} (RFC 9110, 8.4)"
            )


def decoder_for(content_encoding: str) -> ContentDecoder | None:
    """Make the decoder for the value of a content-encoding field (RFC 9110, 8.4).

    Returns:
        None where nothing is coded, or a coding cannot be decoded here: then content stays as it
        came.

    Raises:
        RemoteProtocolError: there are more than ``MAX_LAYERS`` codings.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names or not all(name in CODINGS for name in names):
        return None
    if len(names) > MAX_LAYERS:
        raise RemoteProtocolError(
            f"{len(names)} content codings, one over the other: more than {MAX_LAYERS} are not"
            " taken off; decode_content=False gives the content as it came (RFC 9110, 8.4)"
        )
    try:
        return ContentDecoder(names)
    except ImportError:
        return None
