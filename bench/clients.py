"""The clients that the table compares, each with the workloads that it can do.

A client runs in a process of its own, which ``table.py`` starts, with the Python of the environment
that has it (``environments.py``)::

    python bench/clients.py CLIENT WORKLOAD PORT COUNT

It prints the seconds of the work as JSON: ``user`` and ``system`` of the processor, and ``wall``.
Connecting and a warm-up come before. The environment's AUTHORITY is the certificate to trust,
BENCH_PATH the file to get.

``floor`` is the limit of all clients in Python: a bare ``ssl`` socket that sends field blocks and
frames made beforehand, and looks for END_STREAM in what comes back, with no HTTP/2 layer at all.

The workloads:

* ``sequential``: GETs of 200 octets one after the other
* ``outstanding``: a hundred of them at once
* ``threads``: GETs by eight threads that share one client
* ``download``: a large file on one stream, in pieces of 64 KiB
* ``upload``: large content from memory
* ``bodies``: GETs of 100,000 octets, a hundred at once
* ``requests``, ``httpx``: GETs of 10,000 octets through that library, one after the other, and
  ``requests16``, ``httpx16`` by sixteen threads that share a session
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import resource
import ssl
import struct
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if sys.path[0] != str(ROOT):
    sys.path[0] = str(ROOT)  # not bench/, whose names are other packages
from bench.fields import FIELDS

OUTSTANDING = 100
THREADS = 8
#: Threads that share a session of requests or a client of httpx.
MANY_THREADS = 16
WARM_UP = 100
MEBIBYTES = int(os.environ.get("MEBIBYTES", "256"))
UPLOADED = 64 << 20
PIECE = 64 * 1024
SMALL, TEN, SOME = 200, 10_000, 100_000
#: Times that a request of httpx's own HTTP/2 is repeated, where another thread has ended the
#: connection: it may fail thirty times before that is noticed.
REPETITIONS = 1000


@functools.lru_cache(None)
def uploaded():
    """Give the content to upload, made before the measure: the kernel's work is no client's."""
    return b"x" * UPLOADED


def check(status, body, size=SMALL):
    """A client that does not do the work must not win."""
    if status != 200 or len(body) != size:
        raise AssertionError((status, len(body)))


def check_size(size):
    """Likewise."""
    if size != MEBIBYTES << 20:
        raise AssertionError(size)


def drink(response):
    """Read a response as a program does that copies it elsewhere."""
    size = 0
    while piece := response.read(PIECE):
        size += len(piece)
    check_size(size)


def in_threads(step, count, number=THREADS):
    """Have threads take count steps together; an exception of any is raised."""
    faults = []

    def work():
        try:
            for _ in range(count // number):
                step()
        except BaseException as error:
            faults.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


class Floor:
    """No HTTP/2 layer: the price of Python's socket and OpenSSL."""

    def __init__(self, port, context):
        import socket

        from hyper.hpack import Encoder

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
        self.post = encoder.encode(list({**pseudo, ":method": "POST"}.items()))
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
        self.have = self.sock.recv_into(self.view)
        # The server's SETTINGS must be acknowledged, or it hangs up after ten seconds.
        self.sock.sendall(struct.pack(">LBL", 4, 1, 0))

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

    download = threads = sequential

    def outstanding(self, count):
        for _ in range(count // OUTSTANDING):
            self.sock.sendall(b"".join([self.frame() for _ in range(OUTSTANDING)]))
            self.receive(OUTSTANDING)

    bodies = outstanding

    def upload(self, count):
        """The server's windows are larger than what is sent, so that nothing is waited for."""
        content = bytes(16_384)
        for _ in range(count):
            # Both blocks were coded in this order, and the peer decodes them so.
            first = self.frame() if self.first else b""
            stream_id, self.stream_id = self.stream_id, self.stream_id + 2
            head = struct.pack(">LBL", len(self.post) << 8 | 1, 4, stream_id) + self.post
            if first:
                self.sock.sendall(first)
                self.receive(1)
            self.sock.sendall(head)
            frame = struct.pack(">LBL", len(content) << 8, 0, stream_id) + content
            last = struct.pack(">LBL", 0, 1, stream_id)
            for _ in range(UPLOADED // len(content) // 4):
                self.sock.sendall(frame * 4)
            self.sock.sendall(last)
            self.receive(1)


class Hyper:
    """hyper.HTTP20Connection."""

    def __init__(self, port, context):
        import hyper

        self.conn = hyper.HTTP20Connection("localhost", port, ssl_context=context, timeout=60)

    def sequential(self, count):
        conn = self.conn
        for _ in range(count):
            conn.request("GET", "/small", headers=FIELDS)
            with conn.getresponse() as response:
                check(response.status, response.read())

    def threads(self, count):
        conn = self.conn

        def step():
            stream_id = conn.request("GET", "/small", headers=FIELDS)
            with conn.getresponse(stream_id) as response:
                check(response.status, response.read())

        in_threads(step, count)

    def download(self, count):
        for _ in range(count):
            self.conn.request("GET", "/large", headers=FIELDS)
            drink(self.conn.getresponse())

    def upload(self, count):
        for _ in range(count):
            self.conn.request("POST", "/small", uploaded())
            with self.conn.getresponse() as response:
                check(response.status, response.read())

    def outstanding(self, count, path="/small", size=SMALL):
        conn = self.conn
        for _ in range(count // OUTSTANDING):
            with conn.cork():
                ids = [conn.request("GET", path, headers=FIELDS) for _ in range(OUTSTANDING)]
            for stream_id in ids:
                with conn.getresponse(stream_id) as response:
                    check(response.status, response.read(), size)

    def bodies(self, count):
        self.outstanding(count, "/some", SOME)


class HyperPyOpenSSL(Hyper):
    """The same over the other TLS backend, whose OpenSSL is cryptography's."""

    def __init__(self, port, context):
        from hyper.tls import init_context

        super().__init__(port, init_context(os.environ["AUTHORITY"], backend="pyopenssl"))


class Client:
    """A library that is asked for one URL a call: ``get`` returns the status and the content."""

    def __init__(self, port, context):
        self.url = f"https://localhost:{port}"
        self.authority = os.environ["AUTHORITY"]
        self.open(context)

    def one(self):
        check(*self.get("/small"))

    def sequential(self, count):
        for _ in range(count):
            self.one()

    def threads(self, count):
        in_threads(self.one, count)

    def upload(self, count):
        for _ in range(count):
            check(*self.post("/small", uploaded()))

    def ten(self):
        check(*self.get("/ten"), TEN)

    def tens(self, count):
        for _ in range(count):
            self.ten()

    def tens_by_many(self, count):
        in_threads(self.ten, count, MANY_THREADS)


class HyperPool(Client):
    """hyper.Pool, as a program uses it that asks many servers."""

    requests = httpx = Client.tens
    requests16 = httpx16 = Client.tens_by_many

    def open(self, context):
        import hyper

        self.pool = hyper.Pool(ssl_context=context, timeout=60)

    def get(self, path):
        with self.pool.request("GET", self.url + path, headers=FIELDS) as response:
            return response.status, response.read()

    def post(self, path, content):
        with self.pool.request("POST", self.url + path, content) as response:
            return response.status, response.read()


class Requests(Client):
    """requests over urllib3, HTTP/1.1."""

    module = "requests"

    def open(self, context):
        self.session = importlib.import_module(self.module).Session()
        self.session.trust_env = False  # else a variable would name other authorities
        self.session.verify = self.authority
        if self.module == "requests":
            self.session.mount("https://", self.adapter())

    def adapter(self):
        from requests.adapters import HTTPAdapter

        # A smaller pool throws connections away where more threads use it.
        return HTTPAdapter(pool_maxsize=MANY_THREADS)

    def get(self, path):
        response = self.session.get(self.url + path, headers=FIELDS)
        return response.status_code, response.content

    def post(self, path, content):
        response = self.session.post(self.url + path, data=content)
        return response.status_code, response.content

    upload = None  # nginx takes none at this path
    requests, requests16 = Client.tens, Client.tens_by_many

    def download(self, count):
        for _ in range(count):
            with self.session.get(self.url + "/large", headers=FIELDS, stream=True) as response:
                check_size(sum(map(len, response.iter_content(PIECE))))


class RequestsHyper(Requests):
    """requests over hyper's adapter."""

    upload = Client.upload

    def adapter(self):
        from hyper.contrib.requests import HTTP20Adapter

        return HTTP20Adapter()


class RequestsNull(Requests):
    """requests over nothing: its own work."""

    sequential = threads = download = None

    def adapter(self):
        from bench import null

        return null.adapter(b"x" * TEN)


class Niquests(Requests):
    """niquests over its own urllib3, HTTP/2."""

    module = "niquests"
    upload = Client.upload

    def outstanding(self, count, path="/small", size=SMALL):
        with importlib.import_module(self.module).Session(multiplexed=True) as session:
            session.trust_env, session.verify = False, self.authority
            for _ in range(count // OUTSTANDING):
                responses = [
                    session.get(self.url + path, headers=FIELDS) for _ in range(OUTSTANDING)
                ]
                session.gather()
                for response in responses:
                    check(response.status_code, response.content, size)

    def bodies(self, count):
        self.outstanding(count, "/some", SOME)


class CurlCffi(Requests):
    """curl_cffi: libcurl and nghttp2, in C, behind cffi."""

    module = "curl_cffi.requests"
    upload = Client.upload
    requests = requests16 = None  # it has the API alone

    def download(self, count):
        for _ in range(count):
            response = self.session.get(self.url + "/large", headers=FIELDS, stream=True)
            check_size(sum(map(len, response.iter_content(PIECE))))
            response.close()


class Urllib3(Client):
    """urllib3, HTTP/1.1."""

    upload = None  # nginx takes none at this path

    def open(self, context):
        import urllib3

        self.pool = urllib3.PoolManager(ca_certs=self.authority, maxsize=THREADS)

    def get(self, path):
        response = self.pool.request("GET", self.url + path, headers=FIELDS)
        return response.status, response.data

    def post(self, path, content):
        response = self.pool.request("POST", self.url + path, body=content)
        return response.status, response.data

    def download(self, count):
        for _ in range(count):
            url = self.url + "/large"
            response = self.pool.request("GET", url, headers=FIELDS, preload_content=False)
            drink(response)
            response.release_conn()


class Httpx(Client):
    """httpx over httpcore and h2."""

    module = "httpx"
    upload = None  # it copies the rest of the content for each frame, which takes minutes

    def open(self, context):
        library = importlib.import_module(self.module)
        self.client = library.Client(timeout=60, **self.transport(context))

    def transport(self, context):
        return {"http2": True, "verify": context}

    def get(self, path):
        response = self.client.get(self.url + path, headers=FIELDS)
        return response.status_code, response.content

    def post(self, path, content):
        response = self.client.post(self.url + path, content=content)
        return response.status_code, response.content

    httpx = Client.tens

    def httpx16(self, count):
        """A request that fails is repeated, because threads lose a connection that they share."""
        in_threads(self.ten_repeated, count, MANY_THREADS)

    def ten_repeated(self):
        for _ in range(REPETITIONS):
            try:
                self.ten()
            except (RuntimeError, LookupError, importlib.import_module(self.module).HTTPError):
                continue
            return
        raise AssertionError("it fails each time")

    def download(self, count):
        for _ in range(count):
            with self.client.stream("GET", self.url + "/large", headers=FIELDS) as response:
                check_size(sum(map(len, response.iter_raw(PIECE))))


class Httpx2(Httpx):
    """httpx2."""

    module = "httpx2"
    upload = Client.upload


class HttpxNull(Httpx):
    """httpx over nothing: its own work."""

    sequential = threads = download = None

    def transport(self, context):
        from bench import null

        return {"transport": null.transport(importlib.import_module(self.module), b"x" * TEN)}


class HttpxHyper(Httpx):
    """httpx over hyper's transport."""

    upload = Client.upload
    httpx16 = Client.tens_by_many

    def transport(self, context):
        from hyper.contrib.httpx import HTTP20Transport

        return {"transport": HTTP20Transport(verify=context)}


class Primp(Client):
    """primp: Rust's reqwest behind pyo3."""

    def open(self, context):
        import primp

        self.client = primp.Client(ca_cert_file=self.authority, timeout=60)

    def get(self, path):
        response = self.client.get(self.url + path, headers=FIELDS)
        return response.status_code, response.content

    def post(self, path, content):
        response = self.client.post(self.url + path, content=content)
        return response.status_code, response.content


class Pyreqwest(Client):
    """pyreqwest: Rust's reqwest behind pyo3, its synchronous client."""

    def open(self, context):
        from pyreqwest.client import SyncClientBuilder

        pem = Path(self.authority).read_bytes()
        self.client = SyncClientBuilder().add_root_certificate_pem(pem).http2(True).build()

    def get(self, path):
        response = self.client.get(self.url + path).headers(FIELDS).build().send()
        return response.status, bytes(response.bytes())

    def post(self, path, content):
        response = self.client.post(self.url + path).body_bytes(content).build().send()
        return response.status, bytes(response.bytes())


class Pycurl:
    """libcurl and nghttp2, in C, behind pycurl."""

    def __init__(self, port, context):
        import pycurl

        self.pycurl, self.url = pycurl, f"https://localhost:{port}/small"
        self.authority = os.environ["AUTHORITY"]
        self.handle = self.new(multiplexed=False)

    def new(self, *, multiplexed, path="/small"):
        curl, pycurl = self.pycurl.Curl(), self.pycurl
        curl.setopt(pycurl.URL, self.url.replace("/small", path))
        curl.setopt(pycurl.CAINFO, self.authority)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in FIELDS.items()])
        curl.setopt(pycurl.PIPEWAIT, int(multiplexed))
        return curl

    def download(self, count):
        curl = self.new(multiplexed=False, path="/large")
        for _ in range(count):
            sizes = []
            curl.setopt(self.pycurl.WRITEFUNCTION, lambda piece, add=sizes.append: add(len(piece)))
            curl.perform()
            check_size(sum(sizes))

    def upload(self, count):
        import io

        curl = self.new(multiplexed=False)
        for _ in range(count):
            body = []
            curl.setopt(self.pycurl.POST, 1)
            curl.setopt(self.pycurl.READDATA, io.BytesIO(uploaded()))
            curl.setopt(self.pycurl.POSTFIELDSIZE_LARGE, UPLOADED)
            curl.setopt(self.pycurl.WRITEFUNCTION, body.append)
            curl.perform()
            check(curl.getinfo(self.pycurl.RESPONSE_CODE), b"".join(body))

    def sequential(self, count):
        for _ in range(count):
            body = []
            self.handle.setopt(self.pycurl.WRITEFUNCTION, body.append)
            self.handle.perform()
            check(self.handle.getinfo(self.pycurl.RESPONSE_CODE), b"".join(body))

    def outstanding(self, count, path="/small", size=SMALL):
        multi = self.pycurl.CurlMulti()
        multi.setopt(self.pycurl.M_PIPELINING, self.pycurl.PIPE_MULTIPLEX)
        handles = [self.new(multiplexed=True, path=path) for _ in range(OUTSTANDING)]
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
                check(handle.getinfo(self.pycurl.RESPONSE_CODE), b"".join(body), size)
                multi.remove_handle(handle)

    def bodies(self, count):
        self.outstanding(count, "/some", SOME)


class HttpClient:
    """http.client, HTTP/1.1: what a script uses before it changes the import."""

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
    """The same script after it has changed the import: ``import hyper as http_client``."""

    module = "hyper"


class BareH2:
    """h2 on an ssl socket: events, and nothing of a client around them."""

    def __init__(self, port, context):
        import socket

        import h2.connection

        context.set_alpn_protocols(["h2"])
        self.sock = context.wrap_socket(
            socket.create_connection(("localhost", port)), server_hostname="localhost"
        )
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.h2 = h2.connection.H2Connection()
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(2**30)
        pseudo = {":method": "GET", ":scheme": "https", ":path": os.environ["BENCH_PATH"]}
        pseudo[":authority"] = f"localhost:{port}"
        self.fields = list({**pseudo, **FIELDS}.items())

    def fetch(self, count):
        import h2.events

        sizes = {}
        for _ in range(count):
            stream_id = self.h2.get_next_available_stream_id()
            sizes[stream_id] = 0
            self.h2.send_headers(stream_id, self.fields, end_stream=True)
        self.sock.sendall(self.h2.data_to_send())
        left = count
        while left:
            for event in self.h2.receive_data(self.sock.recv(65536)):
                if isinstance(event, h2.events.DataReceived):
                    sizes[event.stream_id] += len(event.data)
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    left -= 1
            octets = self.h2.data_to_send()
            if octets:
                self.sock.sendall(octets)
        return sizes.values()

    def sequential(self, count):
        for _ in range(count):
            (size,) = self.fetch(1)
            check(200, bytes(size))

    def outstanding(self, count, size=SMALL):
        for _ in range(count // OUTSTANDING):
            for found in self.fetch(OUTSTANDING):
                check(200, bytes(found), size)

    def bodies(self, count):
        self.outstanding(count, SOME)

    def download(self, count):
        for _ in range(count):
            (size,) = self.fetch(1)
            check_size(size)


CLIENTS = {
    "floor": Floor,
    "hyper": Hyper,
    "hyper-pyopenssl": HyperPyOpenSSL,
    "hyper-pool": HyperPool,
    "drop-in": DropIn,
    "http.client": HttpClient,
    "pycurl": Pycurl,
    "primp": Primp,
    "pyreqwest": Pyreqwest,
    "curl_cffi": CurlCffi,
    "h2": BareH2,
    "httpx": Httpx,
    "httpx-hyper": HttpxHyper,
    "httpx-null": HttpxNull,
    "httpx2": Httpx2,
    "niquests": Niquests,
    "requests": Requests,
    "requests-hyper": RequestsHyper,
    "requests-null": RequestsNull,
    "urllib3": Urllib3,
}

#: Those that speak HTTP/1.1, to nginx, which speaks both; the drop-in is compared with http.client.
OF_NGINX = {"drop-in", "http.client", "requests", "urllib3"}


def measure(name, workload, port, count):
    """Do the work, and print what it has cost."""
    context = ssl.create_default_context(cafile=os.environ["AUTHORITY"])
    run = getattr(CLIENTS[name](port, context), workload)
    if count > OUTSTANDING:
        run(WARM_UP)
    if workload == "upload":
        uploaded()
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    run(count)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "user": after.ru_utime - before.ru_utime,
                "system": after.ru_stime - before.ru_stime,
                "wall": wall,
                "minflt": after.ru_minflt - before.ru_minflt,
            }
        )
    )


if __name__ == "__main__":
    measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
