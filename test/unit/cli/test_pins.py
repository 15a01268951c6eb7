"""--pin: the hash of a key, as curl has it, or of a certificate."""

from __future__ import annotations

import base64
import hashlib
import ssl

import pytest

from hyper.cli.faults import UsageError
from hyper.cli.pins import pin_of, public_key

# A certificate of nobody's, for the shape of its DER alone: made by openssl req -x509.
PEM = """\
-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUAjuXsAzqR4Jz1jL6oHfzum8ZYngwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyNzAzMDExN1oYDzIxMjYxMTAzMDMw
MTE3WjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASXdJXsGbm93oISlFdSSX8iRZC3p8TMDCQA8i4rvN5YRtfZfl/m5qif+XsoB0Vj
pwNdv2jVtGDc/uf1edzlwxGLo1MwUTAdBgNVHQ4EFgQUov3I/F7xqOWtyrz4xRnC
me6XdzEwHwYDVR0jBBgwFoAUov3I/F7xqOWtyrz4xRnCme6XdzEwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiB1T2RZ1BzIeV7M+OcuB5iKDWW77zxN
08IimRNGjYYyFAIhAOdkPHSl9fZjJuNaHlqgtAdBmRXA79rjAcJeUjdOK4M+
-----END CERTIFICATE-----
"""
KEY = "8oq9jiGQ0ccnecwnvsbmKP+XI2ciMQSU79jgLNm5a0Y="


def test_the_key_is_cut_out_of_the_certificate():
    der = ssl.PEM_cert_to_DER_cert(PEM)
    assert base64.b64encode(hashlib.sha256(public_key(der)).digest()).decode() == KEY


def test_a_pin_accepts_its_server_alone():
    der = ssl.PEM_cert_to_DER_cert(PEM)
    digest = hashlib.sha256(der).hexdigest()
    assert pin_of([f"sha256//{KEY}"])([der])
    assert pin_of([digest.upper()])([der])
    assert pin_of([":".join(digest[i : i + 2] for i in range(0, 64, 2))])([der])
    other = "sha256//" + base64.b64encode(bytes(32)).decode()
    assert not pin_of([other])([der])
    assert pin_of([other, digest])([der])
    assert not pin_of([digest])([])


@pytest.mark.parametrize("text", ["", "sha256//", "sha256//???", "abc", "00" * 31])
def test_what_is_no_pin(text):
    with pytest.raises(UsageError):
        pin_of([text])
