"""gRPC dialogues by plain hyper (examples/grpc_client.py), with a server of PyPI's grpcio.

    python bench/grpc.py [--turns 10000] [--large 100] [--cleartext]

``turns``: messages of a few octets, one by one: the next goes out when the last has come back.
``large``: the same with messages of 4 MiB, sent by one thread while another receives.
``grpcio``: what grpcio's own client needs for it, in a process of its own like hyper's.

Every message that comes back is compared.  Time on the clock, and CPU time of the client alone.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not bench/, whose names are other packages
sys.path.append(str(ROOT / "examples"))
LARGE = 4 * 1024 * 1024
METHOD = "/hyper.Test/Chat"


class Hyper:
    """The example."""

    def __init__(self, port, authority):
        import hyper

        context = None
        if authority:
            import ssl

            context = ssl.create_default_context(cafile=authority)
        self.conn = hyper.HTTP20Connection(
            "localhost", port, secure=bool(authority), ssl_context=context, timeout=60
        )

    def turns(self, count):
        from grpc_client import Call

        with Call(self.conn, METHOD) as call:
            for number in range(count):
                message = b"%d" % number
                call.send(message)
                same(call.receive(), message)
            call.end()
            same(call.receive(), None)

    def large(self, count):
        from grpc_client import Call

        message = bytes(range(256)) * (LARGE // 256)
        with Call(self.conn, METHOD) as call:
            sender = threading.Thread(target=lambda: [call.send(message) for _ in range(count)])
            sender.start()
            for _ in range(count):
                same(call.receive(), message)
            sender.join()
            call.end()
            same(call.receive(), None)


class Grpcio:
    """grpcio's own client, in C, which starts threads of its own."""

    def __init__(self, port, authority):
        import grpc

        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        target = f"localhost:{port}"
        if authority:
            credentials = grpc.ssl_channel_credentials(Path(authority).read_bytes())
            channel = grpc.secure_channel(target, credentials, options)
        else:
            channel = grpc.insecure_channel(target, options)
        self.call = channel.stream_stream(METHOD)

    def turns(self, count):
        came = threading.Semaphore()

        def messages():
            for number in range(count):
                came.acquire()
                yield b"%d" % number

        for number, message in enumerate(self.call(messages())):
            same(message, b"%d" % number)
            came.release()

    def large(self, count):
        message = bytes(range(256)) * (LARGE // 256)
        for answer in self.call(iter([message] * count)):
            same(answer, message)


def same(found, expected):
    """A client that does not do the work must not win."""
    if found != expected:
        raise AssertionError((found, expected))


def measure(name, workload, port, count, authority):
    """In the child: microseconds a message, on the clock and of the CPU."""
    client = {"hyper": Hyper, "grpcio": Grpcio}[name](port, authority)
    run = getattr(client, workload)
    run(min(count, 10))
    clock, cpu = time.perf_counter(), time.process_time()
    run(count)
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(clock / count * 1e6, cpu / count * 1e6)


def main():
    """Both clients, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100)
    parser.add_argument("--cleartext", action="store_true")
    options = parser.parse_args()
    from test.certificates import Certificates
    from test.live.servers import Grpcio as GrpcioServer

    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        certificates = None if options.cleartext else Certificates(Path(directory))
        authority = str(certificates.authority) if certificates else ""
        server = stack.enter_context(GrpcioServer(certificates))
        for workload in ("turns", "large"):
            count = getattr(options, workload)
            print(f"{workload}: {count} messages; us a message there and back, and of CPU")
            for name in ("hyper", "grpcio"):
                child = [sys.executable, __file__, "--child", name, workload, str(server.port)]
                done = subprocess.run(
                    [*child, str(count), authority], capture_output=True, text=True, check=True
                )
                clock, cpu = map(float, done.stdout.split())
                print(f"{name:>8} {clock:10.1f} {cpu:10.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        measure(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
    else:
        main()
