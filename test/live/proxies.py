"""Real proxies on free ports of the loopback: see servers.py, whose shape they have.

None of them is a server: what they are asked for is CONNECT, or SOCKS 5.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

from test.live.servers import APACHE_MODULES, HOST, Server

if TYPE_CHECKING:
    from collections.abc import Iterable

# With what has to be percent-encoded. (Beyond ASCII, requests and others do not follow RFC 7617.)
NAME, PASSWORD = "user", "p@ss: /%"


class ApacheProxy(Server):
    """Apache httpd with mod_proxy_connect: CONNECT in HTTP/1.1, and in HTTP/2 where it can.

    options: protocols, what it speaks; authentication: whether it wants NAME and PASSWORD.
    """

    name = "apache-proxy"
    binary = "apache2"
    package = "apache2-bin"

    @classmethod
    def missing(cls) -> str | None:
        reason = super().missing()
        path = APACHE_MODULES / "mod_proxy_connect.so"
        if reason is None and not path.exists():
            reason = f"{cls.name}: {path} is not here (Debian: {cls.package})"
        return reason

    def _command(self) -> list[str]:
        path = self.directory / "apache.conf"
        path.write_text(self._configuration())
        self.directory.chmod(0o755)
        digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
        (self.directory / "passwords").write_text(f"{NAME}:{{SHA}}{digest}\n")
        return [self._program(), "-d", str(self.directory), "-f", str(path), "-DFOREGROUND"]

    def _configuration(self) -> str:
        names = ["mpm_event", "authz_core", "proxy", "proxy_connect", "http2"]
        names += ["auth_basic", "authn_core", "authn_file", "authz_user"]
        names += ["ssl"] if self.pair else []
        modules = "\n".join(
            f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in names
        )
        tls = ""
        if self.pair:
            tls = (
                "SSLEngine on\n"
                f"SSLCertificateFile {self.pair.certificate}\n"
                f"SSLCertificateKeyFile {self.pair.key}"
            )
        admitted = "Require all granted"
        if self.options.get("authentication"):
            admitted = (
                'AuthType Basic\nAuthName "the proxy"\nAuthBasicProvider file\n'
                f"AuthUserFile {self.directory}/passwords\nRequire valid-user"
            )
        return f"""{modules}
ServerName localhost
{"User www-data" if os.geteuid() == 0 else ""}
{"Group www-data" if os.geteuid() == 0 else ""}
Listen {HOST}:{self.port}
PidFile {self.directory}/apache.pid
DefaultRuntimeDir {self.directory}
ErrorLog /dev/stderr
LogLevel warn
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
GracefulShutdownTimeout 1
Protocols {self.options.get("protocols", "http/1.1")}
ProxyRequests On
AllowCONNECT 1024-65535
{tls}
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
