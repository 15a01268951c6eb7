"""fork(): in the child every inherited connection counts as gone, and the parent notices nothing.

Each test runs a program of its own in another process, for pytest's must not fork while its threads
are at work. The scripted server sees what each of the two writes (RFC 9113, 5.1.1: one connection,
one client).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from hyper.testing import wire
from test.origin import Echo, Origin

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")

ROOT = Path(__file__).resolve().parent.parent.parent

# Seconds for one program.
DEADLINE = 60.0

BEGINNING = """
import atexit, gc, os, sys, threading, traceback, warnings, weakref
warnings.simplefilter("ignore", DeprecationWarning)  # of fork() beside threads: that is the test
import hyper
PORT = int(sys.argv[1])

def closed_at_the_end(opened):
    # Nothing is left open where warnings are on, and nothing is kept alive by this.
    atexit.register(lambda known=weakref.ref(opened): known() and known().close())
    return opened

def connect(timeout=5):
    connection = hyper.HTTP20Connection("127.0.0.1", PORT, secure=False, timeout=timeout)
    return closed_at_the_end(connection)

def get(connection, path):
    return connection.getresponse(connection.request("GET", path)).read()

def right(connection, path):
    answer = get(connection, path)
    assert answer == f"GET {path} - 0\\n".encode(), (path, answer)

def child(act, exits=os._exit):
    pid = os.fork()
    if pid:
        return pid
    code = 0
    try:
        act()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        code = 1
    exits(code)

def ended(pid):
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the child ended with {status}"

def say(word):
    print(word, flush=True)

def hear():
    return sys.stdin.readline()
"""


class Program:
    """A program in another process; `say` and `hear` are lines to and from it."""

    def __init__(self, text, port, *arguments):
        script = BEGINNING + textwrap.dedent(text)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(port), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,  # so that its children end with it
        )

    def hear(self):
        return self.process.stdout.readline().strip()

    def say(self, word="go on"):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def end(self):
        try:
            _, errors = self.process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            _, errors = self.process.communicate()
            pytest.fail(f"it hangs: {errors}")
        assert self.process.returncode == 0, errors
        assert not errors.strip(), errors


def run(text, *, goaway_every=0):
    """Run a program against a server that echoes; the server."""
    with Echo(goaway_every=goaway_every) as origin:
        Program(text, origin.port).end()
    assert set(origin.processed.values()) == {1}, origin.processed.most_common(3)
    return origin


# ---- what the child may do


@pytest.mark.parametrize(
    "end",
    [
        "connection.close()",
        "connection.close(2)",
        "connection.__exit__(None, None, None)",
        "response.close()",
        "response = None; gc.collect()",
        "connection.cancel(pending)",
        "connection = response = None; gc.collect()",
        "exits = sys.exit",
    ],
)
def test_nothing_that_the_child_does_with_an_inherited_connection_reaches_the_server(end):
    """6.8: no GOAWAY, RST_STREAM, FIN or other octet; the parent reads its response to the end."""
    child_has_ended, heard = threading.Event(), []

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.want_request()
        peer.write_headers(stream_id, [(":status", "200"), ("content-length", "10")])
        peer.write_data(stream_id, b"first")
        assert child_has_ended.wait(DEADLINE)
        peer.want_nothing(0.05)
        peer.write_data(stream_id, b" half"[:5], end_stream=True)
        heard.append(peer.want_goaway())

    text = f"""
        connection = connect()
        first, pending = connection.request("GET", "/"), connection.request("GET", "/pending")
        response = connection.getresponse(first)
        assert response.read(5) == b"first"
        exits = os._exit
        pid = os.fork()
        if not pid:
            {end}
            exits(0)
        ended(pid)
        say("child has ended")
        assert response.read() == b" half"
        connection.close()
    """
    with Origin(serve) as origin:
        program = Program(text, origin.port)
        program.hear()
        child_has_ended.set()
        program.end()
        assert origin.connections == 1
    assert heard


def test_a_childs_exit_under_tls_writes_no_close_notify(certificates):
    """RFC 8446, 6.1: it would end the parent's connection."""
    child_has_ended, finished = threading.Event(), []

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200"), ("content-length", "10")])
        peer.write_data(stream_id, b"first")
        assert child_has_ended.wait(DEADLINE)
        peer.want_nothing(0.05)
        peer.write_data(stream_id, b" half"[:5], end_stream=True)
        finished.append(peer.want_goaway())

    text = """
        from hyper.tls import init_context
        connection = hyper.HTTP20Connection(
            "localhost", PORT, timeout=5, ssl_context=init_context(sys.argv[2])
        )
        response = connection.getresponse(connection.request("GET", "/"))
        assert response.read(5) == b"first"
        pid = os.fork()
        if not pid:
            connection.close()
            sys.exit(0)
        ended(pid)
        say("child has ended")
        assert response.read() == b" half"
        connection.close()
    """
    with Origin(serve, certificates.server_context()) as origin:
        program = Program(text, origin.port, certificates.authority)
        program.hear()
        child_has_ended.set()
        program.end()
    assert finished


def test_the_childs_requests_go_on_a_connection_of_its_own():
    """5.1.1: both ask at the same time, 20 times; each has its own answers."""
    origin = run(
        """
        connection = connect()
        right(connection, "/before")
        def act():
            for turn in range(20):
                right(connection, f"/child/{turn}")
        pid = child(act)
        for turn in range(20):
            right(connection, f"/parent/{turn}")
        ended(pid)
        right(connection, "/after")
        """
    )
    assert origin.connections == 2


def test_a_response_that_the_child_inherited_raises_there(certificates):
    """9.1: with words that say why; what was in memory already can be read."""
    run(
        """
        connection = connect()
        stream_id = connection.request("GET", "/inherited")
        def act():
            try:
                connection.getresponse(stream_id)
            except hyper.ConnectionTerminated as error:
                assert "fork" in str(error), error
                assert not error.retryable
            else:
                raise AssertionError("the child took the parent's answer")
            right(connection, "/own")
        pid = child(act)
        ended(pid)
        answer = connection.getresponse(stream_id).read()
        assert answer == b"GET /inherited - 0\\n", answer
        """
    )


def test_ids_that_were_given_before_the_fork_are_not_given_again_in_the_child():
    """5.1.1: whoever holds one must not get another request's answer."""
    run(
        """
        connection = connect()
        stream_id = connection.request("GET", "/before")
        def act():
            mine = connection.request("GET", "/own")
            assert mine > stream_id, (mine, stream_id)
            answer = connection.getresponse(mine).read()
            assert answer == b"GET /own - 0\\n", answer
        ended(child(act))
        assert connection.getresponse(stream_id).read() == b"GET /before - 0\\n"
        """
    )


# ---- threads at work


def test_a_child_of_a_process_whose_threads_are_at_work_never_hangs():
    """A lock may be held in the child whose holder is not there."""
    run(
        """
        connection = connect()
        right(connection, "/before")
        is_over, errors = threading.Event(), []
        def ask(thread):
            turn = 0
            try:
                while not is_over.is_set():
                    right(connection, f"/{thread}/{turn}")
                    turn += 1
            except BaseException as error:
                errors.append(error)
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(10):
            def act():
                right(connection, f"/child/{turn}")
                connection.close()
            ended(child(act))
        is_over.set()
        for thread in threads:
            thread.join()
        assert not errors, errors
        """
    )


def test_a_child_that_is_forked_while_another_thread_dials_dials_itself():
    """The lock of those who connect is held by a thread that the child does not have."""
    accepted, release = threading.Event(), threading.Event()

    def serve(peer):
        if peer.number == 1:
            accepted.set()
            release.wait(DEADLINE)
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"connection %d" % peer.number)
        peer.want_closed()

    text = """
        connection = connect(timeout=10)
        stuck = threading.Thread(target=lambda: connection.ping())
        stuck.daemon = True
        stuck.start()
        hear()
        def act():
            connection.timeout = 5
            assert get(connection, "/") == b"connection 2"
        ended(child(act))
        say("child has ended")
        os._exit(0)
    """
    with Origin(serve) as origin:
        program = Program(text, origin.port)
        assert accepted.wait(DEADLINE)
        program.say()
        assert program.hear() == "child has ended", program.end()
        release.set()
        program.end()


# ---- by the ways that programs fork


MODULE = """
import hyper, sys, os
import requests
from hyper.contrib import HTTP20Adapter

connection = hyper.HTTP20Connection("localhost", int(os.environ["PORT"]), timeout=5,
    ssl_context=hyper.tls.init_context(os.environ["CA"]))
session = requests.Session()
session.mount("https://", HTTP20Adapter())
session.trust_env, session.verify = False, os.environ["CA"]
URL = f"https://localhost:{os.environ['PORT']}"

def work(path):
    by_session = session.get(URL + path + "/session", timeout=5).content
    stream_id = connection.request("GET", path + "/connection")
    return path, by_session, connection.getresponse(stream_id).read()
"""

MAIN = """
import multiprocessing, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import application

def main():
    context = multiprocessing.get_context(sys.argv[1])
    results = [application.work("/before")]
    with context.Pool(4) as pool:
        results += pool.map(application.work, [f"/{n}" for n in range(20)], chunksize=1)
        results += [application.work(f"/parent/{n}") for n in range(5)]
    results.append(application.work("/after"))
    for path, by_session, by_connection in results:
        assert by_session.startswith(f"GET {path}/session ".encode()), (path, by_session)
        assert by_connection == f"GET {path}/connection - 0\\n".encode(), (path, by_connection)

if __name__ == "__main__":
    main()
"""


def run_files(tmp_path, files, arguments, certificates, origin):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path))),
        "PORT": str(origin.port),
        "CA": certificates.authority,
    }
    command = [sys.executable, *map(str, arguments)]
    try:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=DEADLINE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"it hangs: {error.stderr!r}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing_with_a_session_at_module_level(tmp_path, certificates, method):
    """Its children are forked after the parent's first request, and all ask at once."""
    pytest.importorskip("requests")
    with Echo(certificates.server_context()) as origin:
        files = {"application.py": MODULE.replace("import hyper,", "import hyper.tls, hyper,"),
                 "main.py": MAIN}  # fmt: skip
        run_files(tmp_path, files, ["main.py", method], certificates, origin)
    assert set(origin.processed.values()) == {1}
    assert len(origin.processed) == 2 * 27


GUNICORN = """
import os, sys, threading, traceback
import application

application.work("/preload")  # gunicorn --preload: the master warms up, then forks its workers

def worker(number):
    code = 1
    try:
        threads = []
        errors = []
        def serve(turn):
            try:
                path, by_session, by_connection = application.work(f"/{number}/{turn}")
                assert by_session.startswith(f"GET {path}/session ".encode()), by_session
                assert by_connection == f"GET {path}/connection - 0\\n".encode(), by_connection
            except BaseException:
                errors.append(traceback.format_exc())
        for turn in range(8):
            threads.append(threading.Thread(target=serve, args=(turn,)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors, errors[0]
        code = 0
    except BaseException:
        traceback.print_exc()
    sys.exit(code)  # as gunicorn's worker: atexit and destructors run

pids = []
for number in range(3):
    pid = os.fork()
    if not pid:
        worker(number)
    pids.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in pids]
assert not any(codes), codes
application.work("/master")
"""


def test_workers_that_are_forked_after_preload_share_nothing(tmp_path, certificates):
    """gunicorn's pattern: a session at module level, used before the fork, then by each worker."""
    pytest.importorskip("requests")
    with Echo(certificates.server_context()) as origin:
        files = {"application.py": MODULE.replace("import hyper,", "import hyper.tls, hyper,"),
                 "gunicorn_like.py": GUNICORN}  # fmt: skip
        run_files(tmp_path, files, ["gunicorn_like.py"], certificates, origin)
    assert set(origin.processed.values()) == {1}
    assert origin.connections == 2 * 4


def test_a_child_gives_the_inherited_descriptors_back():
    """A server's FIN or RST must not wait for the child's end: the parent's close is the end."""
    child_waits, ended = threading.Event(), []

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"whole")
        assert peer.want_goaway().error_code == wire.NO_ERROR
        peer.want_closed()
        ended.append(True)

    text = """
        connection = connect()
        assert get(connection, "/") == b"whole"
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(write)
            try:
                connection.sock  # whatever is asked first
            finally:
                os.read(read, 1)
                os._exit(0)
        connection.close()
        hear()
        os.close(write)
        ended(pid)
    """
    with Origin(serve, deadline=3.0) as origin:
        program = Program(text, origin.port)
        for thread in list(origin._threads):
            thread.join(5.0)
        child_waits.wait(0)
        while not origin._threads or origin._threads[0].is_alive():
            origin._threads[0].join(5.0) if origin._threads else child_waits.wait(0.01)
        program.say()
        program.end()
    assert ended, "the connection is still open in the child"


# ---- what threads of the parent held


def test_a_half_read_response_of_another_thread_is_not_reset_by_the_child():
    """6.4; 9.1: what a thread keeps as its own, a child drops before any handler of fork runs."""

    def serve(peer):
        peer.handshake()
        reset = []
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.RST_STREAM:
                reset.append(frame.stream_id)
            if frame.type == wire.HEADERS and frame.stream_id == 1:
                peer.write_headers(1, [(":status", "200")])
            elif frame.type == wire.HEADERS:
                peer.write_response(frame.stream_id, b"reset" if reset else b"none")

    with Origin(serve) as origin:
        Program(
            """
            connection = connect()
            connection.connect()
            own = threading.local()
            held, over = threading.Event(), threading.Event()

            def hold():
                own.response = connection.getresponse(connection.request("GET", "/"))
                held.set()
                over.wait(10)

            thread = threading.Thread(target=hold)
            thread.start()
            held.wait(10)
            ended(child(gc.collect))
            assert get(connection, "/after") == b"none"
            over.set()
            thread.join()
            """,
            origin.port,
        ).end()
