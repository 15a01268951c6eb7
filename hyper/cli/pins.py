"""--pin: the one server's key, or its certificate, that is accepted.

``sha256//BASE64`` is the hash of the key as it stands in the certificate (SubjectPublicKeyInfo),
curl's form of RFC 7469, 2.4. 64 hexadecimal digits are the hash of the whole certificate, as
browsers and ``openssl x509 -fingerprint -sha256`` show it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from .faults import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The tag of the version in a certificate, which old ones lack (RFC 5280, 4.1).
VERSION_TAG = 0xA0
#: The fields of TBSCertificate before the key: serial, signature, issuer, validity, subject.
BEFORE_KEY = 5


def pin_of(texts: Iterable[str]) -> Callable[[list[bytes]], bool]:
    """Make the question that ``init_context`` asks after a handshake.

    Raises:
        UsageError: a text is not a pin.
    """
    keys, certificates = set(), set()
    for text in texts:
        if text.startswith("sha256//"):
            try:
                digest = base64.b64decode(text[8:], validate=True)
            except binascii.Error:
                digest = b""
            keys.add(digest)
        else:
            try:
                digest = bytes.fromhex(text.replace(":", ""))
            except ValueError:
                digest = b""
            certificates.add(digest)
        if len(digest) != hashlib.sha256().digest_size:
            raise UsageError(
                f"--pin takes sha256//BASE64 of the key, or the certificate's SHA-256 in"
                f" hexadecimal, not {text!r}"
            )

    def pin(chain: list[bytes]) -> bool:
        if not chain:
            return False
        own = chain[0]
        return (
            hashlib.sha256(own).digest() in certificates
            or hashlib.sha256(public_key(own)).digest() in keys
        )

    return pin


def public_key(certificate: bytes) -> bytes:
    """Cut the SubjectPublicKeyInfo out of a certificate in DER (RFC 5280, 4.1)."""
    inside, _ = _contents(certificate, 0)
    at, _ = _contents(certificate, inside)  # of TBSCertificate
    if certificate[at] == VERSION_TAG:
        at = _contents(certificate, at)[1]
    for _ in range(BEFORE_KEY):
        at = _contents(certificate, at)[1]
    return certificate[at : _contents(certificate, at)[1]]


def _contents(octets: bytes, at: int) -> tuple[int, int]:
    """Return the positions at which the contents of a DER element begin and end."""
    length = octets[at + 1]
    begin = at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(octets[begin : begin + size], "big")
        begin += size
    return begin, begin + length
