"""Run: the URLs of a command line, one after the other or all at once, in the order of output."""

from __future__ import annotations

import sys
import threading

from . import exit_codes
from .arguments import has_views
from .connections import Connections
from .exchange import Exchange
from .progress import Progress, progress_for
from .screen import Screen, harmless, wants_colours
from .sending import Sender
from .transfer import Transfer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, BinaryIO

    from .arguments import Arguments
    from .exchange import Request

#: Requests at once, unless --parallel says otherwise.
PARALLEL = 50
#: The letters that count on a terminal, those that -v adds, and those that count elsewhere.
ON_TERMINAL, VERBOSE, ELSEWHERE = "ihbtp", "cHB", "b"


class Run:
    """One run of the command: its screens, connections and observers.

    Attributes:
        what: the letters of --print that count.
        is_raw: whether content goes out as it is.
        fails: whether a status fails the run.
        template: of --write-out.
    """

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments
        self.screen: Screen = Screen(sys.stdout, colours=wants_colours(sys.stdout, arguments.color))
        self.error_screen: Screen = Screen(
            sys.stderr, colours=wants_colours(sys.stderr, arguments.color)
        )
        self.output: BinaryIO = sys.stdout.buffer
        self.what: set[str] = what_to_show(arguments, is_terminal=self.screen.is_terminal)
        if arguments.push is None:
            looks = "p" in self.what or has_views(arguments)
            arguments.push = "list" if looks else "off"
        self.is_raw = arguments.output == "-" or (
            not self.screen.is_terminal and arguments.pretty != "all"
        )
        self.fails: bool = bool(arguments.fail or arguments.check_status)
        self.watcher: Any = None
        self.template: str = ""
        if arguments.write_out:
            self.template = _template(arguments.write_out)
        self._install()
        self.connections: Connections = Connections(arguments)
        self.sender: Sender = Sender(arguments, self.connections, self.note, self._redirected)
        self._progress: Progress | None = None
        #: True from the end on: what fails then fails because of it
        self._has_ended = False
        self._lock = threading.Lock()

    def _install(self) -> None:
        """Install the observers that the options need; most runs need none."""
        arguments = self.arguments
        figures = arguments.write_out or arguments.meta_json or "m" in self.what
        if figures or self.what & set("cH"):
            from hyper import trace

            from .watching import Watcher

            self.watcher = Watcher()
            trace.install(self.watcher)

    # ------------------------------------------------------------------- telling

    @staticmethod
    def ignore(size: int) -> None:
        """Do nothing: these octets are not counted."""

    def note(self, words: str) -> None:
        """Write a line about what happens, on the error output, unless it is to be quiet."""
        if not self.arguments.quiet:
            self.error_screen.line((f"hyper: {harmless(words)}", "note"))
            self.error_screen.flush()

    def tell_error(self, error: BaseException, exchange: Exchange | None = None) -> None:
        """Write an error: one line, on the error output."""
        words = exit_codes.words_of(error)
        if not words or self._has_ended:
            return
        where = ""
        if exchange is not None and len(self.arguments.urls) > 1:
            where = f"{exchange.first}: "
        self.screen.flush()
        self.error_screen.line(("hyper: ", "error"), harmless(where + words).replace("\n", " "))
        self.error_screen.flush()

    def progress_of(self, *, is_wanted: bool) -> Progress:
        """The progress of all transfers, made when the first one needs it."""
        with self._lock:
            if self._progress is None:
                when = "never" if self.arguments.quiet else self.arguments.progress
                self._progress = progress_for(self.error_screen, when, is_wanted=is_wanted)
            return self._progress

    def end_progress(self) -> None:
        """Have the bars stand where they are: the screen is needed for something else."""
        with self._lock:
            progress, self._progress = self._progress, None
        if progress is not None:
            progress.close()

    def flushes(self, response: Any) -> bool:
        """True if content leaves as it comes: a stream of events or lines, or -S."""
        from .media import EVENTS, LINES, media_type

        kind = media_type(response)
        return bool(self.arguments.stream) or kind == EVENTS or kind in LINES

    def show_figures(self, found: dict[str, Any]) -> None:
        """Write the times and sizes of --meta."""
        from .figures import PHASES
        from .progress import size_words

        screen = self.screen if self.screen.is_terminal else self.error_screen
        pieces: list[Any] = []
        for name, words in PHASES:
            if found[name]:
                pieces += [(f"{words} ", "note"), (f"{found[name] * 1000:.1f} ms", "figure"), "  "]
        for name, words in (("size_upload", "sent"), ("size_download", "received")):
            if found[name]:
                pieces += [(f"{words} ", "note"), (size_words(found[name]), "figure"), "  "]
        screen.line()
        screen.line(*pieces[:-1])

    def show_request_content(self, screen: Screen, exchange: Exchange) -> None:
        """Write the content of a request, where it is in memory and is text."""
        content = exchange.request.content
        if content is None:
            return
        if content.octets is None:
            screen.line((f"[content from {content.words or 'a form with files'}]", "note"))
        elif b"\0" in content.octets:
            screen.line((f"[{len(content.octets):,} octets]", "note"))
        else:
            from .showing import show_json

            show_json(screen, content.octets.decode("utf-8", "backslashreplace"))
        screen.line()
        if exchange.request.trailers:
            from .heads import show_fields

            show_fields(screen, exchange.request.trailers)
            screen.line()

    def _redirected(self, exchange: Exchange) -> None:
        """Show the heads of a response whose redirect is followed, where all is shown."""
        if not self.what & set("cH"):
            return
        from . import heads

        is_http1 = exchange.response.version != 20
        heads.show_connection(self.screen, exchange, self.watcher)
        heads.show_request(self.screen, exchange, is_http1=is_http1)
        heads.show_response(self.screen, exchange.response, is_verbose=True)

    def close(self) -> None:
        """End: connections are closed, observers see no more, views are shown."""
        self._has_ended = True
        self.connections.close()
        if self.watcher is not None:
            from hyper import trace

            trace.uninstall(self.watcher)

    # ------------------------------------------------------------------ the work

    def work(self, requests: Sequence[Request]) -> int:
        """Do all transfers; returns the exit code, that of the first that failed."""
        exchanges = [Exchange(index, request) for index, request in enumerate(requests)]
        try:
            if len(exchanges) == 1:
                Transfer(self, exchanges[0], _nothing, _nothing).work()
            else:
                Together(self, exchanges).work()
        finally:
            self._has_ended = True
            self.end_progress()
        if self.sender.session is not None:
            self.sender.session.save()
        return next((exchange.code for exchange in exchanges if exchange.code), 0)


class Together:
    """Many transfers at once: a thread each, so many at a time, their output in order.

    A request leaves after the one before it has left: where a server allows few streams, the first
    URLs have them, and nobody waits for output that cannot come.
    """

    def __init__(self, run: Run, exchanges: list[Exchange]) -> None:
        self._run = run
        self._exchanges = exchanges
        self._sent = [threading.Event() for _ in exchanges]
        self._done = [threading.Event() for _ in exchanges]
        self._places = threading.Semaphore(run.arguments.parallel or PARALLEL)
        self._failure: BaseException | None = None

    def work(self) -> None:
        """Start all, and wait for them in order."""
        for exchange in self._exchanges:
            self._places.acquire()
            if self._failure is not None:
                break
            threading.Thread(target=self._one, args=(exchange,), daemon=True).start()
            self._sent[exchange.index].wait()
        for done in self._done:
            if self._failure is not None:
                break
            done.wait()
        if self._failure is not None:
            raise self._failure

    def _one(self, exchange: Exchange) -> None:
        index = exchange.index

        def turn() -> None:
            if index and not (self._run.arguments.download and self._run.what == set()):
                self._done[index - 1].wait()

        try:
            Transfer(self._run, exchange, self._sent[index].set, turn).work()
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._failure = error
            for done in self._done:
                done.set()
        finally:
            self._sent[index].set()
            self._done[index].set()
            self._places.release()


def _nothing() -> None:
    """Do nothing: there is one URL, and nobody else to wait for."""


def what_to_show(arguments: Arguments, *, is_terminal: bool) -> set[str]:
    """The letters of --print that count."""
    if arguments.quiet:
        return set()
    if arguments.print is not None:
        return set(arguments.print)
    if arguments.headers:
        what = set("ih")
    elif arguments.body:
        what = set("b")
    elif arguments.verbose:
        what = set(ON_TERMINAL)
    elif (is_terminal and (arguments.frames or arguments.waterfall)) or "-" in (
        arguments.har,
        arguments.qlog,
    ):
        what = set()
    elif arguments.output == "-":
        what = set(ELSEWHERE)
    else:
        saves = arguments.download or arguments.output
        what = set("" if saves else ON_TERMINAL if is_terminal else ELSEWHERE)
    if arguments.verbose:
        what |= set(VERBOSE)
    if arguments.push == "list":
        what.add("p")
    return what | ({"m"} if arguments.meta else set())


def _template(text: str) -> str:
    if not text.startswith("@"):
        return text
    from .items import text_of

    return text_of(text[1:])
