"""A signal handler's exception comes out as it is over TLS, through proxies, and by each library.

Connecting is struck as well: each exchange is the first one of its connection. Afterwards the same
client answers, and the server has read each request rightly.
"""

from __future__ import annotations

import contextlib
import signal

import pytest

from hyper import HTTP20Connection, HTTPSConnection
from hyper.proxies import Proxy
from test.origin import Echo
from test.scripted.strikes import Alarm, AlarmTimeout, Strike, collected, stride

collected = pytest.fixture(autouse=True)(collected)

KINDS = [Alarm, AlarmTimeout]


class Hyper:
    """HTTP20Connection over TLS, perhaps through a proxy."""

    proxy = False

    def __init__(self, port, certificates, proxy):
        options = {"proxy": Proxy(f"http://127.0.0.1:{proxy.server_port}")} if self.proxy else {}
        context = certificates.hyper_context()
        self.client = HTTP20Connection("localhost", port, ssl_context=context, timeout=5, **options)

    def ask(self, mark):
        stream_id = self.client.request("POST", "/", mark.encode(), {"authorization": mark})
        return self.client.getresponse(stream_id).read()


class ThroughProxy(Hyper):
    """Its CONNECT is answered in HTTP/1.1."""

    proxy = True


class DropIn(Hyper):
    """HTTPSConnection."""

    def __init__(self, port, certificates, _):
        context = certificates.client_context()
        self.client = HTTPSConnection("localhost", port, context=context, timeout=5)

    def ask(self, mark):
        try:
            self.client.request("POST", "/", mark.encode(), {"authorization": mark})
            return self.client.getresponse().read()
        except BaseException:
            self.client.close()  # http.client wants it after any exception
            raise


class Requests(Hyper):
    """A Session."""

    def __init__(self, port, certificates, _):
        requests = pytest.importorskip("requests")
        from hyper.contrib.requests import HTTP20Adapter

        self.client = requests.Session()
        self.client.verify = certificates.authority
        self.client.trust_env = False
        self.client.mount("https://", HTTP20Adapter())
        self.url = f"https://localhost:{port}/"

    def ask(self, mark):
        headers = {"authorization": mark}
        return self.client.post(self.url, mark.encode(), headers=headers, timeout=5).content


class Httpx(Hyper):
    """A Client."""

    def __init__(self, port, certificates, _):
        httpx = pytest.importorskip("httpx")
        from hyper.contrib.httpx import HTTP20Transport

        transport = HTTP20Transport(verify=certificates.client_context())
        self.client = httpx.Client(transport=transport, trust_env=False)
        self.url = f"https://localhost:{port}/"

    def ask(self, mark):
        headers = {"authorization": mark}
        return self.client.post(self.url, content=mark.encode(), headers=headers, timeout=5).content


class Urllib3(Hyper):
    """A PoolManager."""

    def __init__(self, port, certificates, _):
        urllib3 = pytest.importorskip("urllib3")
        from hyper.contrib.urllib3 import POOL_CLASSES

        self.client = urllib3.PoolManager(ca_certs=certificates.authority, retries=False)
        self.client.pool_classes_by_scheme = POOL_CLASSES
        self.client.close = self.client.clear
        self.url = f"https://localhost:{port}/"

    def ask(self, mark):
        headers = {"authorization": mark}
        return self.client.request("POST", self.url, body=mark.encode(), headers=headers).data


INTEGRATIONS = [
    (integration, kind) for integration in (Hyper, ThroughProxy, DropIn, Httpx) for kind in KINDS
]
# requests and urllib3 themselves take each OSError, a TimeoutError too, for one of the network's.
INTEGRATIONS += [(Requests, Alarm), (Urllib3, Alarm)]


# A finalizer of what was struck while it was made, or a socket that Python closes then: no matter.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no such signal")
@pytest.mark.parametrize(("integration", "kind"), INTEGRATIONS)
def test_what_a_signal_handler_raises_comes_out_as_it_is_by_every_integration(
    integration, kind, certificates, proxy
):
    wrong, at = [], 1
    with Echo(certificates.server_context()) as server:
        while True:
            used = integration(server.port, certificates, proxy)
            with contextlib.closing(used.client):
                strike = Strike(kind, at)
                out = strike.run(lambda used=used: used.ask("struck"))
                if strike.error is None:
                    assert out is None
                    break
                if out is not strike.error:
                    wrong.append((strike.where, repr(out)))
                # Else a connection that was struck while it was made is open until the next
                # collection: the server would wait for its preface.
                strike.error.__traceback__ = None
                try:
                    answer = used.ask("second")
                except Exception as error:  # noqa: BLE001  told below
                    wrong.append((strike.where, "then", repr(error)))
                else:
                    assert answer == Echo.answer_to("POST", "/", "second", b"second")
            at += stride(211)
    assert at > 1
    assert wrong == []
