"""A gRPC server of PyPI's grpcio, whose messages are octets: no protobuf is needed.

    python grpc_server.py PORT [CERTIFICATE KEY]

    /hyper.Test/Echo     unary: the message, or with metadata x-status and x-message (percent-coded)
                         that status
    /hyper.Test/Count    one request, a number N: messages b"0" to b"N-1", then as above
    /hyper.Test/Sum      numbers, one a message: their sum
    /hyper.Test/Chat     each message comes back at once
    /hyper.Test/Sleep    no answer before the call is over, then a line "over" on standard output
    /hyper.Test/Refuse   FAILED_PRECONDITION before anything is read, as trailers only

The process ends when its standard input does.
"""

from __future__ import annotations

import sys
import threading
from concurrent import futures
from pathlib import Path
from urllib.parse import unquote

import grpc

LARGE = 64 * 1024 * 1024


def finish(context):
    metadata = dict(context.invocation_metadata())
    context.set_trailing_metadata((("x-trailer", "of the server"),))
    if "x-status" in metadata:
        codes = {code.value[0]: code for code in grpc.StatusCode}
        context.set_code(codes[int(metadata["x-status"])])
        context.set_details(unquote(metadata["x-message"]))


def echo(message, context):
    finish(context)
    return message


def count(message, context):
    for number in range(int(message)):
        yield b"%d" % number
    finish(context)


def total(messages, context):
    return b"%d" % sum(map(int, messages))


def chat(messages, context):
    yield from messages


def sleep(message, context):
    over = threading.Event()
    context.add_callback(over.set)
    over.wait(30)
    print("over", flush=True)
    return b""


def refuse(messages, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "100 % wrong: ümlaut")


METHODS = {
    "Echo": grpc.unary_unary_rpc_method_handler(echo),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Sum": grpc.stream_unary_rpc_method_handler(total),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
    "Sleep": grpc.unary_unary_rpc_method_handler(sleep),
    "Refuse": grpc.stream_stream_rpc_method_handler(refuse),
}


def main():
    port, *pair = sys.argv[1:]
    options = [("grpc.max_receive_message_length", LARGE), ("grpc.max_send_message_length", LARGE)]
    server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
    handler = grpc.method_handlers_generic_handler("hyper.Test", METHODS)
    server.add_generic_rpc_handlers((handler,))
    address = f"127.0.0.1:{port}"
    if pair:
        certificate, key = (Path(path).read_bytes() for path in pair)
        server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port(address)
    server.start()
    sys.stdin.read()
    server.stop(None).wait()


if __name__ == "__main__":
    main()
