"""Real proxies on free ports of the loopback: see servers.py, whose shape they have.

None of them is a server: what they are asked for is CONNECT, or SOCKS 5.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from test.live.server import HOST, Server
from test.live.servers import ApacheHttpd

if TYPE_CHECKING:
    from collections.abc import Iterable

# With what has to be percent-encoded. (Beyond ASCII, requests and others do not follow RFC 7617.)
NAME, PASSWORD = "user", "p@ss: /%"


class ApacheProxy(ApacheHttpd):
    """Apache httpd with mod_proxy_connect: CONNECT in HTTP/1.1, and in HTTP/2 where it can.

    options: protocols, what it speaks; authentication: whether it wants NAME and PASSWORD.
    """

    name = "apache-proxy"
    modules = (
        *("auth_basic", "authn_core", "authn_file", "authz_user"),
        *("http2", "proxy", "proxy_connect"),
    )

    @property
    def protocols(self) -> str:
        """The protocols that it speaks, in its own words."""
        return str(self.options.get("protocols", "http/1.1"))

    def _lines(self) -> str:
        digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
        (self.directory / "passwords").write_text(f"{NAME}:{{SHA}}{digest}\n")
        admitted = "Require all granted"
        if self.options.get("authentication"):
            admitted = (
                'AuthType Basic\nAuthName "the proxy"\nAuthBasicProvider file\n'
                f"AuthUserFile {self.directory}/passwords\nRequire valid-user"
            )
        return f"""ProxyRequests On
AllowCONNECT 1024-65535
<Proxy "*">
{admitted}
</Proxy>
"""


class Nghttpx(Server):
    """nghttp2's proxy: CONNECT in HTTP/2 and HTTP/1.1, passed on to a proxy behind it.

    options: behind, the port of that proxy, which speaks HTTP/1.1; arguments, further ones.
    """

    name = "nghttpx"
    binary = "nghttpx"
    package = "nghttp2-proxy"

    def _command(self) -> list[str]:
        tls = "" if self.pair else ";no-tls"
        command = [self._program(), "--conf=/dev/null", "--http2-proxy", "--workers=1"]
        command += [f"--frontend={HOST},{self.port}{tls}"]
        command += [f"--backend={HOST},{self.options['behind']}", "--log-level=WARN"]
        command += ["--accesslog-file=/dev/null", "--errorlog-file=/dev/stderr", "--no-ocsp"]
        command += self.options.get("arguments", ())
        return command if self.pair is None else [*command, self.pair.key, self.pair.certificate]


class Microsocks(Server):
    """microsocks: SOCKS 5. options: authentication, (name, password)."""

    name = "microsocks"
    binary = "microsocks"
    package = "microsocks"

    def _command(self) -> list[str]:
        command = [self._program(), "-i", HOST, "-p", str(self.port)]
        if "authentication" in self.options:
            name, password = self.options["authentication"]
            command += ["-u", name, "-P", password]
        return command


PROXIES: Iterable[type[Server]] = (ApacheProxy, Nghttpx, Microsocks)
