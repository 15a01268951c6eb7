"""Real HTTP/2 servers on free ports of the loopback, each a small class of one shape.

    with Nginx(certificates) as server:
        connect("localhost", server.port)

`Nginx(certificates)` speaks TLS with ALPN h2 under the certificate `certificates.server` (or
`pair=`). `Nginx()` speaks cleartext by prior knowledge. `start` returns when the server accepts
connections, and raises `ServerError` with the server's own log when it ends before or misses the
deadline. `stop` ends that one process. A free port is found by asking for any and letting it go;
should another take it meanwhile, the server ends, and `start` tries again.

`missing(name)` tells why a server cannot run here.

Static servers (nghttpd, nginx, Apache, h2o, Caddy, and HAProxy in front of nginx) serve `FILES`, so
that what they answer is known.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test.live.server import (
    DEADLINE,
    FILES,
    HERE,
    HOST,
    Server,
    binary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test.certificates import Certificates, Pair


APACHE_MODULES = Path("/usr/lib/apache2/modules")


class Nghttpd(Server):
    """nghttp2's server: static files; options push, trailers, arguments.

    push: {"/index.html": ["/style.css", "/app.js"]}. trailers: ["name: value"]. arguments: further
    ones, such as ["--max-concurrent-streams=1", "--echo-upload", "--window-bits=10",
    "--padding=100"].
    """

    name = "nghttpd"
    binary = "nghttpd"
    package = "nghttp2-server"

    def _command(self) -> list[str]:
        root = self._write_files()
        command = [self._program(), f"--address={HOST}", f"--htdocs={root}", "--verbose"]
        for path, pushed in self.options.get("push", {}).items():
            command.append(f"--push={path}={','.join(pushed)}")
        command += [f"--trailer={trailer}" for trailer in self.options.get("trailers", ())]
        command += self.options.get("arguments", ())
        if self.pair is None:
            return [*command, "--no-tls", str(self.port)]
        return [*command, str(self.port), self.pair.key, self.pair.certificate]


class Nginx(Server):
    """nginx: static files, PUT to /upload/ (kept in `uploads`), push from /pushing, limits of all
    kinds.

    options: max_concurrent_streams, keepalive_requests (then GOAWAY), limit_rate (octets a second),
    http2 (False: HTTP/1.1 alone), and directives: further lines for the server block.

    GET /pushing pushes /style.css and /app.js, in versions of nginx that push (up to 1.25.0).
    GET /gzip/ serves the files with gzip.
    """

    name = "nginx"
    binary = "nginx"
    package = "nginx-light"

    @property
    def uploads(self) -> Path:
        """The directory of the files put to /upload/."""
        return self.directory / "uploads" / "upload"

    @classmethod
    def pushes(cls) -> bool:
        """Whether this nginx has http2_push."""
        command = [binary("nginx") or "nginx", "-v"]
        ran = subprocess.run(command, stderr=subprocess.PIPE, check=True, timeout=DEADLINE)
        version = ran.stderr.decode().split("nginx/")[1].split()[0]
        return tuple(int(part) for part in version.split(".")[:2]) < (1, 25)

    def _command(self) -> list[str]:
        root = self._write_files()
        self.uploads.mkdir(parents=True)
        for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
            (self.directory / name).mkdir()
        path = self.directory / "nginx.conf"
        path.write_text(self._configuration(root))
        return [self._program(), "-p", str(self.directory), "-c", str(path), "-e", "stderr"]

    def _configuration(self, root: Path) -> str:
        tls = ""
        if self.pair:
            tls = f"ssl_certificate {self.pair.certificate}; ssl_certificate_key {self.pair.key};"
        limits = ""
        if "max_concurrent_streams" in self.options:
            limits += f"http2_max_concurrent_streams {self.options['max_concurrent_streams']};"
        if "limit_rate" in self.options:
            limits += f"limit_rate {self.options['limit_rate']};"
        requests = self.options.get("keepalive_requests", 1000000)
        http2 = "http2" if self.options.get("http2", True) else ""
        push = "http2_push /style.css; http2_push /app.js;" if self.pushes() else ""
        # The directives come first, because it listens in the order of its configuration: what they
        # open is there when the port is.
        # A worker started by root would become nobody, who cannot read our directory.
        user = "user root;" if os.geteuid() == 0 else ""
        return f"""
daemon off; {user} worker_processes 1; pid nginx.pid; error_log stderr info;
events {{ worker_connections 256; }}
http {{
  types {{ text/html html; text/css css; text/javascript js; }}
  default_type application/octet-stream;
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    {" ".join(self.options.get("directives", ()))}
    listen {HOST}:{self.port} {"ssl" if self.pair else ""} {http2};
    server_name localhost;
    {tls} {limits}
    keepalive_requests {requests};
    client_max_body_size 0;
    lingering_close on;
    root {root};
    location = /hello {{ default_type text/plain; return 200 "hello from nginx\\n"; }}
    location = /pushing {{ {push} default_type text/html; return 200 "<title>push</title>\\n"; }}
    location /upload/ {{
      root {self.directory / "uploads"};
      dav_methods PUT DELETE; create_full_put_path on;
    }}
    location /gzip/ {{ alias {root}/; gzip on; gzip_types *; gzip_min_length 1; }}
  }}
}}
"""


class Node(Server):
    """Node's http2 with server.mjs, where the paths are described.

    options: settings (as http2 names them: {"maxConcurrentStreams": 1}) and session (options of
    createServer: {"maxSessionMemory": 1}).
    """

    name = "node"
    binary = "node"
    package = "nodejs"

    def _command(self) -> list[str]:
        config: dict[str, Any] = {"port": self.port}
        config["settings"] = self.options.get("settings", {})
        config["session"] = self.options.get("session", {})
        if self.pair:
            config.update(key=self.pair.key, cert=self.pair.certificate)
        return [self._program(), str(HERE / "server.mjs"), json.dumps(config)]


def hypercorn_is_whole() -> bool:
    """Whether hypercorn sends trailers and every promise: since 0.18, which needs Python 3.10."""
    try:
        version = importlib.metadata.version("hypercorn")
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(map(int, version.split(".")[:2])) >= (0, 18)


class Hypercorn(Server):
    """hypercorn, of this Python, with asgi_app.py, where the paths are described.

    options: arguments, further ones of its command line.
    """

    name = "hypercorn"
    gentle = False  # asyncio waits half a minute for the close_notify of each client

    @classmethod
    def missing(cls) -> str | None:
        if importlib.util.find_spec("hypercorn") is None:
            return f"{cls.name}: the package hypercorn is not installed for {sys.executable}"
        return None

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "hypercorn", "--bind", f"{HOST}:{self.port}"]
        # No workers: all in the one process that we started and know. Its own 5 seconds until an
        # idle connection ends can pass on a busy machine before a request is there.
        command += ["--workers", "0", "--error-logfile", "-", "--keep-alive", "60"]
        if self.pair:
            command += ["--certfile", self.pair.certificate, "--keyfile", self.pair.key]
        return [*command, *self.options.get("arguments", ()), "asgi_app:app"]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(HERE)}


class ApacheHttpd(Server):
    """Apache httpd, whatever it serves. A subclass gives `modules`, of which the last is the one
    that may be missing, `protocols` and `_lines`.
    """

    binary = "apache2"
    package = "apache2-bin"
    modules: tuple[str, ...] = ()

    @classmethod
    def missing(cls) -> str | None:
        reason = super().missing()
        path = APACHE_MODULES / f"mod_{cls.modules[-1]}.so"
        if reason is None and not path.exists():
            reason = f"{cls.name}: {path} is not here (Debian: {cls.package})"
        return reason

    @property
    def protocols(self) -> str:
        """The protocols that it speaks, in its own words."""
        raise NotImplementedError

    def _lines(self) -> str:
        """Its configuration, beyond what all have in common."""
        raise NotImplementedError

    def _command(self) -> list[str]:
        path = self.directory / "apache.conf"
        path.write_text(self._configuration())
        return [self._program(), "-d", str(self.directory), "-f", str(path), "-DFOREGROUND"]

    def _configuration(self) -> str:
        names = ["mpm_event", "authz_core", *self.modules, *(["ssl"] if self.pair else [])]
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
        # Children started by root would become another user, who cannot read our directory.
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        if user:
            self.directory.chmod(0o755)
        return f"""{modules}
ServerName localhost
{user}
Listen {HOST}:{self.port}
PidFile {self.directory}/apache.pid
DefaultRuntimeDir {self.directory}
ErrorLog /dev/stderr
LogLevel warn
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
GracefulShutdownTimeout 1
Protocols {self.protocols}
{tls}
{self._lines()}
"""


class Apache(ApacheHttpd):
    """Apache httpd with mod_http2: static files, push by Link fields from /pushing.html, 103 as
    well.

    options: directives, further lines of its configuration.
    """

    name = "apache"
    modules = ("dir", "mime", "headers", "http2")

    @property
    def protocols(self) -> str:
        """The protocols that it speaks, in its own words."""
        return "h2 http/1.1" if self.pair else "h2c http/1.1"

    def _lines(self) -> str:
        root = self._write_files({**FILES, "pushing.html": b"<title>push</title>\n"})
        root.chmod(0o755)
        return f"""TypesConfig /dev/null
AddType text/html .html
H2Push on
H2EarlyHints on
DocumentRoot {root}
DirectoryIndex index.html
<Location /pushing.html>
Header add Link "</style.css>; rel=preload; as=style"
Header add Link "</app.js>; rel=preload; as=script"
</Location>
{os.linesep.join(self.options.get("directives", ()))}
"""


class H2o(Server):
    """h2o: static files, push by a Link field from /pushing.html.

    options: configuration, further lines of YAML; h2o listens where these say before it is ready.
    """

    name = "h2o"
    binary = "h2o"
    package = "h2o"

    def _command(self) -> list[str]:
        root = self._write_files({**FILES, "pushing.html": b"<title>push</title>\n"})
        path = self.directory / "h2o.yaml"
        tls = ""
        if self.pair:
            tls = (
                "\n  ssl:"
                f"\n    certificate-file: {self.pair.certificate}"
                f"\n    key-file: {self.pair.key}"
                "\n    ocsp-update-interval: 0"  # else it starts a program that asks the network
            )
        user = "user: root" if os.geteuid() == 0 else ""
        more = "\n".join(self.options.get("configuration", ()))
        path.write_text(
            f"""{user}
num-threads: 1
temp-buffer-path: {self.directory}
{more}
listen:
  host: {HOST}
  port: {self.port}{tls}
hosts:
  default:
    paths:
      /pushing.html:
        mruby.handler: |
          Proc.new do |env|
            [399, {{"link" => "</style.css>; rel=preload\\n</app.js>; rel=preload"}}, []]
          end
        file.file: {root}/pushing.html
      /:
        file.dir: {root}
"""
        )
        return [self._program(), "-m", "worker", "-c", str(path)]


class Caddy(Server):
    """Caddy, on Go's HTTP/2: static files, /echo for what small content was sent, push from
    /pushing.html.
    """

    name = "caddy"
    binary = "caddy"
    package = "caddy"

    def _environment(self) -> dict[str, str]:
        # The files that it would keep for the next time go where the directory goes.
        places = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
        return {**os.environ, **dict.fromkeys(places, str(self.directory))}

    def _command(self) -> list[str]:
        root = self._write_files({**FILES, "pushing.html": b"<title>push</title>\n"})
        path = self.directory / "Caddyfile"
        scheme = "https" if self.pair else "http"
        tls = f"tls {self.pair.certificate} {self.pair.key}" if self.pair else ""
        path.write_text(f"""{{
  admin off
  auto_https off
  skip_install_trust
  servers {{
    protocols h1 h2 h2c
  }}
}}
{scheme}://localhost:{self.port}, {scheme}://{HOST}:{self.port} {{
  bind {HOST}
  {tls}
  root * {root}
  respond /echo "{{http.request.body}}"
  push /pushing.html /style.css
  push /pushing.html /app.js
  file_server
  handle_errors {{
    respond "{{err.status_code}} {{err.status_text}}"
  }}
}}
""")
        return [self._program(), "run", "--config", str(path), "--adapter", "caddyfile"]


class Haproxy(Server):
    """HAProxy as it is used, in front of a server: nginx in HTTP/1.1, with its files and paths.

    options: those of `Nginx`, and frontend, further lines of HAProxy's frontend.
    """

    name = "haproxy"
    binary = "haproxy"
    package = "haproxy"

    def __init__(
        self, certificates: Certificates | None = None, pair: Pair | None = None, **options: Any
    ) -> None:
        super().__init__(certificates, pair, **options)
        self._behind: Nginx | None = None

    @classmethod
    def missing(cls) -> str | None:
        return super().missing() or Nginx.missing()

    @property
    def uploads(self) -> Path:
        """The directory of the files put to /upload/."""
        assert self._behind is not None
        return self._behind.uploads

    def _command(self) -> list[str]:
        self._behind = Nginx(**{**self.options, "http2": False})
        self._behind.start()
        tls = ""
        if self.pair:
            both = self.directory / "both.pem"
            both.write_bytes(
                Path(self.pair.certificate).read_bytes() + Path(self.pair.key).read_bytes()
            )
            tls = f"ssl crt {both} alpn h2,http/1.1"
        path = self.directory / "haproxy.cfg"
        path.write_text(f"""global
  log stdout format raw local0
  maxconn 256
  nbthread 1
defaults
  mode http
  log global
  timeout connect {DEADLINE:.0f}s
  timeout client 60s
  timeout server 60s
frontend front
  bind {HOST}:{self.port} {tls}
  default_backend behind
  {os.linesep.join(self.options.get("frontend", ()))}
backend behind
  server nginx {self._behind.host}:{self._behind.port}
""")
        return [self._program(), "-db", "-f", str(path)]

    def stop(self) -> None:
        """End both processes and remove their directories."""
        super().stop()
        behind, self._behind = self._behind, None
        if behind is not None:
            behind.stop()


class Grpcio(Server):
    """gRPC by PyPI's grpcio, with grpc_server.py, where the methods are described."""

    name = "grpcio"

    @classmethod
    def missing(cls) -> str | None:
        if importlib.util.find_spec("grpc") is None:
            return f"{cls.name}: the package grpcio is not installed for {sys.executable}"
        return None

    def _command(self) -> list[str]:
        command = [sys.executable, str(HERE / "grpc_server.py"), str(self.port)]
        return [*command, self.pair.certificate, self.pair.key] if self.pair else command


#: Those that answer GET with `FILES` or a greeting of their own.
WEB_SERVERS = (Nghttpd, Nginx, Node, Hypercorn, Apache, H2o, Caddy, Haproxy)
SERVERS: dict[str, type[Server]] = {server.name: server for server in (*WEB_SERVERS, Grpcio)}


def missing(name: str) -> str | None:
    """Why the server of that name cannot run here, or None if it can."""
    return SERVERS[name].missing()


def names() -> Iterable[str]:
    """The names of all web servers, those missing here too."""
    return tuple(server.name for server in WEB_SERVERS)


def sha256(content: bytes) -> str:
    """As /digest of node and hypercorn tells it."""
    return hashlib.sha256(content).hexdigest()
