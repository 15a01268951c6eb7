"""CPU time of HTTP/2 clients, beside the floor that Python and OpenSSL set.

    python bench/clients.py [--rounds 5] [--requests 2000] [--workload sequential] [client ...]

Workloads: ``sequential``, small GETs one after the other; ``outstanding``, a hundred of them at
once, and ``download``, 256 MiB on one stream, in pieces of 64 KiB.

Against nghttpd over TLS on the loopback (server on one core, client on the other), with ten
request fields as browsers send them and bodies of 200 octets.  Each client runs in a process of
its own; rounds are interleaved, so that the ratios hold while the machine's speed drifts.
``floor`` is the limit: a raw ``ssl`` socket that sends field blocks made beforehand and looks
for END_STREAM in what comes back, with no HTTP/2 layer at all.  Clients that are not installed
are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not bench/, whose names are other packages
OUTSTANDING = 100
WARM_UP = 300
MEBIBYTES = int(os.environ.get("MEBIBYTES", "256"))
PIECE = 64 * 1024
FIELDS = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-US,en;q=0.5",
    "accept-encoding": "gzip, deflate, br",
    "dnt": "1",
    "upgrade-insecure-requests": "1",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "sec-fetch-site": "none",
    "cookie": "session=5f2b8a9c1d3e4f60718293a4b5c6d7e8; theme=dark",
}


class Floor:
    """No HTTP/2 layer: the price of Python's socket and OpenSSL."""

    def __init__(self, port, context):
        import socket

        from hpack import Encoder

        context.set_alpn_protocols(["h2"])
        self.sock = context.wrap_socket(
            socket.create_connection(("localhost", port)), server_hostname="localhost"
        )
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pseudo = {":method": "GET", ":scheme": "https", ":path": os.environ["BENCH_PATH"]}
        pseudo[":authority"] = f"localhost:{port}"
        encoder = Encoder()
        fields = list({**pseudo, **FIELDS}.items())
        self.first, self.block = encoder.encode(fields), encoder.encode(fields)
        window = struct.pack(">HL", 4, 2**31 - 1)
        self.sock.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + struct.pack(">LBL", len(window) << 8 | 4, 0, 0)
            + window
            + struct.pack(">LBLL", 4 << 8 | 8, 0, 0, 2**31 - 1 - 65535)
        )
        self.stream_id = 1
        self.buffer = bytearray(65536)
        self.view = memoryview(self.buffer)
        self.have = 0

    def frame(self):
        block, self.first = self.first or self.block, None
        self.stream_id += 2
        return struct.pack(">LBL", len(block) << 8 | 1, 5, self.stream_id - 2) + block

    def receive(self, count):
        buffer, unpack = self.buffer, struct.Struct(">LB").unpack_from
        while count:
            received = self.sock.recv_into(self.view[self.have :])
            if not received:
                raise ConnectionError("the server hung up")
            self.have += received
            start = 0
            while self.have - start >= 9:
                word, flags = unpack(buffer, start)
                stop = start + 9 + (word >> 8)
                if stop > self.have:
                    break
                # END_STREAM on DATA or HEADERS; an ACK of SETTINGS has type 4.
                count -= flags & 1 and word & 0xFF < 2
                start = stop
            buffer[: self.have - start] = buffer[start : self.have]
            self.have -= start

    def sequential(self, count):
        for _ in range(count):
            self.sock.sendall(self.frame())
            self.receive(1)

    download = sequential

    def outstanding(self, count):
        for _ in range(count // OUTSTANDING):
            self.sock.sendall(b"".join([self.frame() for _ in range(OUTSTANDING)]))
            self.receive(OUTSTANDING)


class Hyper:
    """hyper.HTTP20Connection."""

    def __init__(self, port, context):
        import hyper

        self.conn = hyper.HTTP20Connection("localhost", port, ssl_context=context, timeout=30)

    def sequential(self, count):
        conn = self.conn
        for _ in range(count):
            conn.request("GET", "/small", headers=FIELDS)
            with conn.getresponse() as response:
                check(response.status, response.read())

    def download(self, count):
        for _ in range(count):
            self.conn.request("GET", "/large", headers=FIELDS)
            drink(self.conn.getresponse())

    def outstanding(self, count):
        conn = self.conn
        for _ in range(count // OUTSTANDING):
            with conn.cork():
                ids = [conn.request("GET", "/small", headers=FIELDS) for _ in range(OUTSTANDING)]
            for stream_id in ids:
                with conn.getresponse(stream_id) as response:
                    check(response.status, response.read())


class HyperPyOpenSSL(Hyper):
    """The same over the other TLS backend, whose OpenSSL is cryptography's."""

    def __init__(self, port, context):
        from hyper.tls import init_context

        super().__init__(port, init_context(os.environ["AUTHORITY"], backend="pyopenssl"))


class Httpx:
    """httpx over httpcore and h2; a hundred outstanding take a hundred threads."""

    def __init__(self, port, context):
        import httpx

        self.url = f"https://localhost:{port}/small"
        self.client = httpx.Client(http2=True, verify=context, timeout=30)

    def get(self, _=None):
        response = self.client.get(self.url, headers=FIELDS)
        check(response.status_code, response.content)

    def sequential(self, count):
        for _ in range(count):
            self.get()

    def download(self, count):
        for _ in range(count):
            with self.client.stream("GET", self.url.replace("small", "large")) as response:
                size = sum(len(piece) for piece in response.iter_raw(PIECE))
            check_size(size)


class Pycurl:
    """libcurl and nghttp2, in C, behind pycurl."""

    def __init__(self, port, context):
        import pycurl

        self.pycurl, self.url = pycurl, f"https://localhost:{port}/small"
        self.authority = os.environ["AUTHORITY"]
        self.handle = self.new(multiplexed=False)

    def new(self, *, multiplexed):
        curl, pycurl = self.pycurl.Curl(), self.pycurl
        curl.setopt(pycurl.URL, self.url)
        curl.setopt(pycurl.CAINFO, self.authority)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in FIELDS.items()])
        curl.setopt(pycurl.PIPEWAIT, int(multiplexed))
        return curl

    def download(self, count):
        curl = self.new(multiplexed=False)
        curl.setopt(self.pycurl.URL, self.url.replace("small", "large"))
        for _ in range(count):
            sizes = []
            curl.setopt(self.pycurl.WRITEFUNCTION, lambda piece, add=sizes.append: add(len(piece)))
            curl.perform()
            check_size(sum(sizes))

    def sequential(self, count):
        for _ in range(count):
            body = []
            self.handle.setopt(self.pycurl.WRITEFUNCTION, body.append)
            self.handle.perform()
            check(self.handle.getinfo(self.pycurl.RESPONSE_CODE), b"".join(body))

    def outstanding(self, count):
        multi = self.pycurl.CurlMulti()
        multi.setopt(self.pycurl.M_PIPELINING, self.pycurl.PIPE_MULTIPLEX)
        handles = [self.new(multiplexed=True) for _ in range(OUTSTANDING)]
        for _ in range(count // OUTSTANDING):
            bodies = []
            for handle in handles:
                bodies.append([])
                handle.setopt(self.pycurl.WRITEFUNCTION, bodies[-1].append)
                multi.add_handle(handle)
            running = 1
            while running:
                running = multi.perform()[1]
                if running:
                    multi.select(max(0, multi.timeout()) / 1000 or 0.001)
            for handle, body in zip(handles, bodies):
                check(handle.getinfo(self.pycurl.RESPONSE_CODE), b"".join(body))
                multi.remove_handle(handle)


class HttpClient:
    """http.client, over HTTP/1.1: what a script uses before it changes the import."""

    module = "http.client"

    def __init__(self, port, context):
        library = importlib.import_module(self.module)
        context = ssl.create_default_context(cafile=os.environ["AUTHORITY"])
        self.conn = library.HTTPSConnection("localhost", port, context=context)

    def download(self, count):
        for _ in range(count):
            self.conn.request("GET", "/large", headers=FIELDS)
            drink(self.conn.getresponse())

    def sequential(self, count):
        for _ in range(count):
            self.conn.request("GET", "/small", headers=FIELDS)
            with self.conn.getresponse() as response:
                check(response.status, response.read())


class DropIn(HttpClient):
    """The same script after it has changed the import."""

    module = "hyper"


def drink(response):
    """Read a response as a program does that copies it elsewhere."""
    size = 0
    while piece := response.read(PIECE):
        size += len(piece)
    check_size(size)


CLIENTS = {
    "floor": Floor,
    "hyper": Hyper,
    "hyper-pyopenssl": HyperPyOpenSSL,
    "drop-in": DropIn,
    "http.client": HttpClient,
    "pycurl": Pycurl,
    "httpx": Httpx,
}


WORKLOADS = {
    "sequential": "us a request",
    "outstanding": "us a request",
    "download": f"ms for {MEBIBYTES} MiB",
}


def check(status, body):
    """A client that does not do the work must not win."""
    if status != 200 or len(body) != 200:
        raise AssertionError((status, body))


def check_size(size):
    """Likewise."""
    if size != MEBIBYTES << 20:
        raise AssertionError(size)


def measure(name, workload, port, count):
    """In the child: CPU microseconds a request, or milliseconds a download."""
    context = ssl.create_default_context(cafile=os.environ["AUTHORITY"])
    client = CLIENTS[name](port, context)
    run = getattr(client, workload)
    if workload == "download":
        begin = time.process_time()
        run(1)
        print((time.process_time() - begin) * 1e3)
        return
    run(WARM_UP)
    begin = time.process_time()
    run(count)
    print((time.process_time() - begin) / count * 1e6)


@contextlib.contextmanager
def servers():
    """Start nghttpd, and nginx for both protocols, with a body of 200 octets at /small."""
    from test.certificates import Certificates
    from test.live.servers import Nghttpd, Nginx

    with tempfile.TemporaryDirectory() as directory:
        certificates = Certificates(Path(directory))
        files = {"small": b"x" * 200, "large": bytes(MEBIBYTES << 20)}
        with (
            Nghttpd(certificates, files=files) as nghttpd,
            Nginx(certificates, files=files) as nginx,
        ):
            for server in (nghttpd, nginx):
                with contextlib.suppress(AttributeError, OSError):
                    os.sched_setaffinity(server.pid, {0})
            yield str(certificates.authority), {"nghttpd": nghttpd.port, "nginx": nginx.port}


def run(name, workload, ports, count, authority):
    """In the parent: one client process; None where it cannot run."""
    pin = ["taskset", "-c", "1"] if (os.cpu_count() or 1) > 1 else []
    # nginx speaks both protocols: there the scripts of http.client and its drop-in are compared.
    port = ports["nginx" if issubclass(CLIENTS[name], HttpClient) else "nghttpd"]
    child = [sys.executable, __file__, "--child", name, workload, str(port), str(count)]
    path = "/large" if workload == "download" else "/small"
    env = {**os.environ, "AUTHORITY": authority, "BENCH_PATH": path}
    done = subprocess.run([*pin, *child], env=env, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        print(f"{name}, {workload}: {last}", file=sys.stderr)
        return None
    return float(done.stdout)


def main():
    """Rounds of all clients, medians, and ratios to the floor of the same round."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--workload", action="append", choices=list(WORKLOADS))
    parser.add_argument("clients", nargs="*", default=list(CLIENTS))
    options = parser.parse_args()
    names = ["floor", *(name for name in options.clients if name != "floor")]
    with servers() as (authority, ports):
        for workload in options.workload or WORKLOADS:
            figures = {name: [] for name in names if hasattr(CLIENTS[name], workload)}
            for _ in range(options.rounds):
                for name in list(figures):
                    figure = run(name, workload, ports, options.requests, authority)
                    if figure is None:
                        del figures[name]
                    else:
                        figures[name].append(figure)
            print(f"\n{workload}: CPU {WORKLOADS[workload]}, median; times the floor of the round")
            for name, values in figures.items():
                ratio = statistics.median(a / b for a, b in zip(values, figures["floor"]))
                print(f"{name:>15} {statistics.median(values):8.1f} {ratio:7.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        measure(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main()
