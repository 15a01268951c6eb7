"""The house: which module may import which, and what its parts may be called, checked with `ast`.

Every arrow of import points down. A line of the table names a module, the modules of hyper that it
may import, and all others that it may take; what stands under `if TYPE_CHECKING` is for the type
checker's eyes and does not count. A new module gets a line here before it gets code.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "hyper"

TABLE = """
# words
foundation            | -                                                        | -
foundation.memo       | -                                                        | -
foundation.fork       | -                                                        | _weakrefset os
foundation.interruptions | -                                                        | http.client signal
errors                | -                                                        | enum http.client socket
foundation.hosts      | errors                                                   | re types ipaddress idna unicodedata
fields                | foundation.memo errors                                   | contextlib email.message

# hpack: octets <-> field sections
hpack                 | hpack.choice hpack.decoder hpack.table foundation.memo fields | -
hpack.__main__        | hpack hpack.choice                                       | argparse json pathlib random string sys time
hpack.choice          | hpack.decoder hpack.encoder hpack.nghttp2                | os sys
hpack.codes           | -                                                        | -
hpack.huffman         | hpack.codes foundation.memo errors                       | struct
hpack.inflate         | hpack.codes hpack.huffman foundation.memo                | zlib
hpack.table           | hpack.codes fields                                       | -
hpack.decoder         | hpack.codes hpack.inflate hpack.table fields errors      | -
hpack.encoder         | hpack.codes hpack.huffman hpack.table foundation.memo fields | -
hpack.nghttp2         | hpack.decoder hpack.encoder hpack.table fields           | _cffi_backend ctypes ctypes.util itertools struct sys

# protocol: RFC 9113 without IO
protocol              | -                                                        | -
protocol.frames       | errors                                                   | struct
protocol.states       | errors                                                   | -
protocol.flow         | -                                                        | -
protocol.flow.budget  | -                                                        | contextlib collections
protocol.flow.managers | -                                                       | operator types
protocol.flow.windows | protocol.flow.* foundation.interruptions errors          | -
protocol.flow.tuning  | protocol.flow.managers protocol.frames errors                                   | contextlib
protocol.settings     | errors                                                   | -
protocol.origins      | protocol.frames foundation.hosts foundation.memo errors  | re contextlib
protocol.messages     | protocol.origins foundation.hosts foundation.memo fields errors | re contextlib
protocol.priorities   | errors                                                   | re
protocol.stream       | protocol.frames protocol.states protocol.flow.* errors   | collections sys
protocol.limits       | -                                                        | -
protocol.promises     | protocol.limits protocol.messages protocol.states protocol.stream protocol.flow.* errors | collections
protocol.refusals     | protocol.frames protocol.settings errors                 | -
protocol.receivers    | protocol.origins protocol.frames protocol.limits protocol.messages protocol.promises protocol.states protocol.settings protocol.flow.* errors | -
protocol.endpoint     | protocol.flow.* protocol.limits protocol.promises protocol.receivers protocol.refusals protocol.frames protocol.messages protocol.states protocol.settings protocol.stream fields errors | contextlib sys

# trace: what happens, as events; loaded while somebody watches, but for its first page and watch
trace                 | trace.watch                                              | -
trace.watch           | trace.events trace.faults trace.log trace.tracers foundation.interruptions | contextlib itertools sys threading time
trace.log             | trace.cutter trace.events trace.frame_list | -
trace.faults          | - | logging
trace.tracers         | trace.exchange_list trace.faults foundation.interruptions | threading
trace.events          | protocol.frames                                          | typing
trace.recorder        | -                                                        | -
trace.cutter          | trace.events hpack protocol.frames protocol.settings foundation.memo fields errors | struct
trace.exchange_list   | trace.cutter trace.events protocol.frames                | -
trace.frame_list      | trace.cutter trace.events protocol.frames                | -
trace.chart           | trace.exchange_list trace.frame_list                     | html itertools operator unicodedata
trace.archive         | trace.chart trace.events trace.exchange_list fields      | base64 datetime re time urllib.parse zlib
trace.qlog_text       | trace.cutter trace.events protocol.frames                | datetime json time
trace.http1_wire      | trace.events trace.watch fields                          | -
trace.wire            | trace.cutter trace.events trace.watch protocol.frames    | collections

# transport: octets <-> operating system
transport             | -                                                        | -
transport.wakeup      | foundation.fork foundation.interruptions | socket
transport.deadline    | errors foundation.interruptions | socket time
transport.tcp         | transport.deadline transport.wakeup foundation.fork foundation.interruptions | select socket
transport.connect     | transport.deadline errors foundation.hosts foundation.interruptions | errno os select socket time
transport.buffered    | -                                                        | -
transport.tls         | -                                                        | -
transport.tls.trust   | -                                                        | ipaddress os re ssl sys warnings
transport.tls.policy  | errors                                                   | -
transport.tls.filter  | transport.tls.trust                                      | sys
transport.tls.pinned  | transport.tls.trust                                      | -
transport.tls.view    | -                                                        | -
transport.tls.stdlib  | foundation.hosts transport.tls.filter transport.tls.pinned transport.tls.policy transport.tls.trust | contextlib os ssl sys tempfile threading truststore
transport.tls.pyopenssl | foundation.hosts foundation.interruptions transport.tls.filter transport.tls.pinned transport.tls.policy transport.tls.trust | contextlib os ssl sys cryptography cryptography.* OpenSSL service_identity.*
transport.tls.context | transport.tls.pyopenssl transport.tls.stdlib transport.tls.trust | os warnings
transport.tls.transport | foundation.fork foundation.hosts transport.buffered transport.tls.context transport.tls.filter transport.tls.trust transport.tls.policy transport.tls.view errors foundation.interruptions | ssl time
transport.tls.ssl_socket | transport.tcp transport.tls.filter transport.tls.stdlib foundation.interruptions | ssl
transport.tls.filter_socket | transport.tls.filter transport.tls.view foundation.interruptions | socket ssl
transport.tls.alpn_context | foundation.hosts transport.tls.context transport.tls.filter_socket transport.tls.policy transport.tls.stdlib | ssl

# pump: protocol and transport meet
pump                  | -                                                        | -
pump.lock             | -                                                        | threading
pump.waiter           | -                                                        | threading
pump.silence          | errors protocol.refusals                                 | time
pump.endings          | errors                                                   | errno
pump.notes            | foundation.interruptions                                 | contextlib os sys
pump.turns            | pump.waiter transport.deadline errors                    | contextlib
pump.reading          | pump.waiter transport.deadline errors                    | -
pump.pump             | pump.* transport.deadline foundation.fork errors foundation.interruptions | _thread collections contextlib os threading time

# proxy: a tunnel through a proxy; http1 reads its answer, and is the drop-in's too
http1                 | dropin.bases protocol.limits fields errors protocol.receivers | functools http http.client io re time
proxies               | protocol.origins fields errors foundation.hosts          | base64 urllib.parse urllib.request re
tls                   | transport.tls.*                                          | -
proxy                 | -                                                        | -
proxy.refusal         | hpack.decoder errors                                             | -
proxy.blocking_stream | proxy.refusal errors                                     | http.client io time
proxy.stream_transport | transport.buffered errors foundation.interruptions | errno time
proxy.http1           | http1 proxy.blocking_stream proxy.refusal errors foundation.interruptions | contextlib http.client io
proxy.http2           | proxy.refusal proxy.stream_transport hpack protocol.* fields errors | http.client time
proxy.socks           | proxy.blocking_stream proxy.refusal errors                             | python_socks python_socks.sync
proxy.connect         | foundation.hosts proxies proxy.http1 proxy.http2 proxy.socks transport.* errors | -

# client: HTTP20Connection and all that it gives
client                | -                                                        | -
client.content        | errors                                                   | io os stat
client.content_codings | errors fields foundation.interruptions                                         | re sys zlib brotli brotlicffi compression backports
client.timeouts       | transport.deadline                                       | contextlib socket threading
client.dial           | transport.*                                              | http.client logging
client.route          | foundation.hosts client.dial client.movers client.traced client.timeouts proxies proxy.connect pump.pump hpack hpack.choice hpack.decoder protocol.* transport.* errors | _weakref contextlib os time
client.putrequest     | fields                                                   | -
client.exchange       | client.content protocol.priorities protocol.states errors pump.lock | contextlib sys
client.registry       | foundation.fork client.replay errors pump.lock                     | http.client
client.replay         | client.content errors                                    | os time
client.sender         | client.registry client.replay errors                     | contextlib threading
client.request_head   | foundation.memo errors client.content client.content_codings client.exchange protocol.messages protocol.priorities | contextlib
client.pumps          | foundation.fork client.exchange client.replay pump.lock transport.deadline errors | contextlib ssl threading time
client.traced         | client.pumps client.request_head client.sender pump.pump trace.* transport.buffered fields errors foundation.interruptions | _thread contextlib threading
client.stats          | -                                                        | -
client.movers         | client.pumps client.sender client.traced trace.watch    | sys
client.response       | client.content_codings client.timeouts protocol.states protocol.stream transport.deadline fields errors | collections http.client io
client.push           | client.exchange client.response fields errors                 | -
client.stream         | client.content client.response client.timeouts protocol.messages fields errors | -
client.tunnel         | client.response client.stream errors                     | errno io socket
client.former_names   | foundation.hosts protocol.settings                       | contextlib types
client.connection     | client.exchange client.former_names client.movers client.push client.pumps client.putrequest client.registry client.replay client.request_head client.response client.route client.sender client.stats client.stream client.timeouts client.tunnel protocol.messages protocol.settings protocol.flow.managers errors | os time

# dropin: http.client's classes
dropin                | -                                                        | -
dropin.chunked        | errors                                                   | re
dropin.bases          | -                                                        | functools http.client logging operator types
dropin.wrapped        | dropin.bases dropin.watched dropin.response dropin.states errors http1  | contextlib functools io operator sys
dropin.states         | -                                                        | http.client
dropin.upgrade        | client.replay client.route protocol.frames protocol.settings           | base64
dropin.request_lines  | protocol.messages                                        | -
dropin.watched_socket | client.content trace.faults                              | io
dropin.watched        | foundation.hosts dropin.arguments dropin.watched_socket client.traced trace.events trace.http1_wire trace.tracers trace.watch transport.tls.policy fields | contextlib sys
dropin.response       | client.response                                          | email.message http.client
dropin.session        | dropin.chunked dropin.request_lines dropin.response dropin.wrapped client.* protocol.messages errors http1 | contextlib http.client sys time
dropin.socket_view    | client.content dropin.arguments                          | http.client
dropin.create_connection | protocol.origins proxies proxy.connect transport.connect transport.deadline foundation.hosts | socket
dropin.connection     | dropin.* client.content client.route http1 protocol.frames protocol.settings transport.* errors foundation.hosts client.pumps client.replay client.timeouts foundation.memo | base64 collections functools http.client socket threading time
dropin.arguments      | dropin.bases errors foundation.hosts                     | contextlib http.client

# pool: connections to many servers, over client and dropin
pool                  | -                                                        | -
pool.shared           | client.connection client.pumps client.registry client.timeouts protocol.settings pump.lock | threading time weakref
pool.http1_connections | client.replay client.timeouts dropin.connection dropin.socket_view dropin.watched protocol.messages protocol.priorities fields errors foundation.interruptions http1 | contextlib email.message select socket time
pool.coalescing       | foundation.interruptions | socket
pool.site             | client.replay pool.coalescing pool.http1_connections client.timeouts foundation.hosts errors | ssl threading time
pool.pool             | pool.site pool.shared pump.lock client.connection client.content client.former_names client.replay client.timeouts foundation.fork foundation.hosts trace.events trace.watch foundation.memo errors | logging time threading

hyper                 | client.connection client.push client.response dropin.bases protocol.priorities protocol.flow.managers fields errors | http http.client importlib

# guests: they know nothing but public names, of modules and of objects
demo                  | -                                                        | *
demo.__main__         | demo.*                                                   | *
demo.cafe             | -                                                        | *
demo.server           | demo.cafe                                                | *
demo.story            | hyper demo.cafe demo.server demo.timeline                | *
demo.timeline         | -                                                        | *
testing               | testing.*                                                | *

# planned, not there yet
__main__              | cli.*                                                    | sys
cli                   | hyper errors fields http1 proxies tls trace cli.*        | *
contrib               | hyper dropin.bases dropin.session proxies tls trace trace.watch foundation.interruptions contrib.* | *
"""  # noqa: E501 - a table has long lines

PLANNED = {"__main__", "cli", "contrib"}

# Modules that cost at import, or belong to another floor, whatever a line says.
NEVER = {"typing", "typing_extensions", "dataclasses", "logging", "asyncio"}
# Where one of these is imported inside a function, which few programs call.
# The events are named tuples, and loaded while somebody watches.
LAZILY = {
    "client.dial": {"logging"},
    "dropin.bases": {"logging"},
    "pool.pool": {"logging"},
    "trace.events": {"typing"},
    "trace.faults": {"logging"},
}
NEVER_IN_PROTOCOL = {"socket", "ssl", "select", "selectors", "threading", "time", "logging"}

MAX_FUNCTION = 60  # lines: a screen
MAX_MODULE = 600  # lines
DATA_MODULES = {"hpack.codes"}

# Words that say nothing (manager, helper) or too much (data: save the frame DATA).
EMPTY_WORDS = {"manager", "helper", "util", "utils", "handle", "handler", "process", "do", "data"}
EMPTY_WORDS |= {"info", "cb", "callback", "misc", "common"}
NAMES_WITH_A_REASON = {
    "BaseFlowControlManager",  # public
    "FlowControlManager",  # public
    "HTTP2Handler",  # public; urllib.request's word
    "do_handshake",  # ssl.SSLSocket.do_handshake()
    "do_open",  # urllib.request's HTTPSHandler.do_open()
    "handle_request",  # httpx's BaseTransport.handle_request()
    "handle_async_request",  # httpx's AsyncBaseTransport.handle_async_request()
    "manager",  # a window's window manager, as the argument window_manager= is called
    "info",  # http.client's HTTPResponse.info()
    "pack_data_header",  # the frame DATA
    "proxy_manager_for",  # requests' HTTPAdapter.proxy_manager_for()
    "receive_data",  # the frame DATA
    "data",  # hyper.testing.wire: the frame DATA
    "want_data",  # the frame DATA
    "write_data",  # the frame DATA
    "_count_empty_data",  # the frame DATA
}


def module_name(path):
    """`protocol.frames` for hyper/protocol/frames.py; the package itself is `hyper`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "hyper"


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}
GUESTS = ("demo", "cli", "contrib", "testing")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def lines_of_table():
    lines = {}
    for line in TABLE.splitlines():
        if line and not line.startswith("#"):
            name, ours, others = (cell.strip() for cell in line.split("|"))
            lines[name] = (ours.replace("-", "").split(), others.replace("-", "").split())
    return lines


ALLOWED = lines_of_table()


class Imports(ast.NodeVisitor):
    """The modules that one module imports at run time, inside functions too."""

    def __init__(self, name):
        self.package = name if (MODULES[name].name == "__init__.py") else name.rpartition(".")[0]
        if name == "hyper":
            self.package = ""
        self.found = set()

    def visit_If(self, node):
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)

    def visit_Import(self, node):
        self.found |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node):
        base = node.module or ""
        if node.level:
            parts = self.package.split(".") if self.package else []
            parts = parts[: len(parts) - node.level + 1]
            base = ".".join(["hyper", *parts, *([node.module] if node.module else [])])
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            self.found.add(whole if whole.removeprefix("hyper.") in MODULES else base)


def imports(name):
    """(modules of hyper, other modules) that a module imports."""
    visitor = Imports(name)
    visitor.visit(TREES[name])
    ours = {found for found in visitor.found if found.partition(".")[0] == "hyper"}
    others = visitor.found - ours - {"__future__"}
    return {found.removeprefix("hyper.") for found in ours}, others


def is_allowed(module, patterns):
    return any(
        pattern in ("*", module)
        or (pattern.endswith(".*") and (module + ".").startswith(pattern[:-1]))
        for pattern in patterns
    )


def line_of(name):
    """A module's line; a guest's inner modules share their package's."""
    if name not in ALLOWED and name.partition(".")[0] in GUESTS:
        return ALLOWED[name.partition(".")[0]]
    return ALLOWED[name]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_what_its_line_names(name):
    ours, others = imports(name)
    allowed_ours, allowed_others = line_of(name)
    assert {found for found in ours if not is_allowed(found, allowed_ours)} == set()
    assert {found for found in others if not is_allowed(found, allowed_others)} == set()


def test_no_line_of_the_table_is_stale():
    assert set(ALLOWED) - set(MODULES) <= PLANNED


@pytest.mark.parametrize("name", [name for name in MODULES if name.partition(".")[0] not in GUESTS])
def test_no_module_pays_for_what_only_the_type_checker_needs(name):
    assert imports(name)[1] & NEVER - LAZILY.get(name, set()) == set()


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("protocol")])
def test_the_protocol_knows_no_sockets_threads_or_clock(name):
    assert imports(name)[1] & NEVER_IN_PROTOCOL == set()


def test_there_are_no_cycles():
    below = {name: imports(name)[0] & set(MODULES) - {name} for name in MODULES}
    while below:
        floor = {name for name, under in below.items() if not under & set(below)}
        assert floor, f"these import each other: {sorted(below)}"
        below = {name: under for name, under in below.items() if name not in floor}


def is_dunder(name):
    return name.startswith("__") and name.endswith("__")


@pytest.mark.parametrize("package", GUESTS)
def test_a_guest_reaches_for_no_private_name_that_it_has_not_made(package):
    """Attributes too, whosever they are: a guest's own are those that it assigns or defines."""
    nodes = [
        node
        for name, tree in TREES.items()
        if name.partition(".")[0] == package
        for node in ast.walk(tree)
    ]
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    made = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
    made |= {node.name for node in nodes if isinstance(node, FUNCTIONS)}
    asked = {node.attr for node in attributes if node.attr.startswith("_")}
    # typeshed's name of what hashlib.sha256() returns; urllib3's, and botocore's of a session, in
    # classes that have no public name for them.
    theirs = {"_Hash", "_fp", "_stream", "_decoded_buffer", "_prepare_proxy", "_proxy_managers"}
    assert {name for name in asked - made - theirs if not is_dunder(name)} == set()


def takes_everything(node):
    """Whether a handler, or `suppress`, takes exceptions of every kind, a program's own too."""
    if isinstance(node, ast.ExceptHandler):
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
        kinds = node.args
    else:
        return False
    names = {"Exception", "BaseException"}
    return any(kind is None or ast.unparse(kind) in names for kind in kinds)


@pytest.mark.parametrize("name", MODULES)
def test_what_takes_every_exception_says_why_on_its_line(name):
    lines = MODULES[name].read_text("utf-8").splitlines()
    found = [lines[n.lineno - 1] for n in ast.walk(TREES[name]) if takes_everything(n)]
    reason = re.compile(r"# (noqa: \w+ - )?(?!noqa)\S+ \S+").search
    assert [line.strip() for line in found if not reason(line)] == []


@pytest.mark.parametrize("name", MODULES)
def test_an_exception_from_a_rule_of_the_linter_says_why_on_its_line(name):
    lines = MODULES[name].read_text("utf-8").splitlines()
    bare = re.compile(r"# (ruff: )?noqa(: [A-Z]+\d+(, [A-Z]+\d+)*)?\s*$").search
    assert [line.strip() for line in lines if bare(line)] == []


def definitions(name, *kinds):
    return [node for node in ast.walk(TREES[name]) if isinstance(node, kinds)]


@pytest.mark.parametrize("name", MODULES)
def test_a_function_fits_a_screen(name):
    sizes = {node.name: node.end_lineno - node.lineno + 1 for node in definitions(name, *FUNCTIONS)}
    assert {name: size for name, size in sizes.items() if size > MAX_FUNCTION} == {}


@pytest.mark.parametrize("name", sorted(set(MODULES) - DATA_MODULES))
def test_a_module_can_be_read_at_a_sitting(name):
    size = len(MODULES[name].read_text("utf-8").splitlines())
    assert size <= MAX_MODULE


TEST_MODULES = sorted(Path(__file__).parent.rglob("*.py"))


def test_a_test_module_can_be_read_at_a_sitting_too():
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in TEST_MODULES
    }
    assert {name: size for name, size in sizes.items() if size > MAX_MODULE} == {}


def words(name):
    """`receive`, `data` for receive_data and ReceiveData."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


@pytest.mark.parametrize("name", MODULES)
def test_names_say_something(name):
    names = {node.name for node in definitions(name, *FUNCTIONS, ast.ClassDef)}
    names |= set(name.split("."))
    assert {n for n in names - NAMES_WITH_A_REASON if EMPTY_WORDS & set(words(n))} == set()
