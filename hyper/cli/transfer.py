"""Transfer: one URL from its request to what is shown or saved of its response."""

from __future__ import annotations

import contextlib
import os
import time

from hyper.errors import HTTPException

from . import exit_codes, heads, showing
from .faults import Failed
from .sending import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO, Callable

    from .exchange import Exchange
    from .run import Run

#: Statuses whose content the file of -o is not overwritten with, where it goes on (-c).
RANGE_NOT_SATISFIABLE = 416


class Transfer:
    """The work on one URL. One thread.

    Args:
        run: of all URLs.
        exchange: what is asked.
        sent: called when the request has left.
        turn: waits until the output is this one's; returns when it is.
    """

    def __init__(
        self,
        run: Run,
        exchange: Exchange,
        sent: Callable[[], None],
        turn: Callable[[], None],
    ) -> None:
        self._run = run
        self._exchange = exchange
        self._sent = sent
        self._turn = turn
        self._arguments = run.arguments
        self._offset = 0
        #: True if the content was read to its end: only then there are trailers
        self._is_whole = False

    def work(self) -> None:
        """Do it; what fails is noted in the exchange."""
        run, exchange = self._run, self._exchange
        self._limits = Limits(self._arguments)
        if run.watcher is not None:
            run.watcher.begin(exchange)
        self._go_on()
        upload = self._begin_upload()
        try:
            with run.sender.answered(exchange, self._limits, self._sent):
                self._end_upload(upload)
                self._receive()
                exchange.end = time.monotonic()
        except (OSError, HTTPException, Failed) as error:
            exchange.end = time.monotonic()
            exchange.error = self._limits.explained(error)
            exchange.code = exit_codes.code_of(exchange.error)
            self._turn()
            run.tell_error(exchange.error, exchange)
        else:
            self._judge()
        finally:
            self._sent()
        self._turn()
        self._show_end()

    # ------------------------------------------------------------------ request

    def _go_on(self) -> None:
        """Ask for what the file of -o lacks (RFC 9110, 14.2)."""
        arguments = self._arguments
        if not getattr(arguments, "continue"):
            return
        with contextlib.suppress(FileNotFoundError):
            self._offset = os.stat(arguments.output).st_size
        if self._offset:
            self._exchange.request.headers.append(("range", f"bytes={self._offset}-"))

    def _begin_upload(self) -> Any:
        """Show the progress of content that is worth it."""
        exchange = self._exchange
        content = exchange.request.content
        if content is None or (content.octets is not None and len(content.octets) < 1 << 20):
            return None
        progress = self._run.progress_of(is_wanted=True)
        task = progress.begin(f"↑ {exchange.request.target.authority}", content.size)
        count = exchange.told

        def told(size: int) -> None:
            count(size)
            progress.told(task, size)

        exchange.told = told  # type: ignore[method-assign] # it is counted as before, and shown
        return progress, task

    def _end_upload(self, upload: Any) -> None:
        if upload is not None:
            upload[0].end(upload[1])

    # ----------------------------------------------------------------- response

    def _receive(self) -> None:
        """Show or save the response."""
        exchange, run, arguments = self._exchange, self._run, self._arguments
        response = exchange.response
        saves = self._saves(response)
        if not saves:
            self._turn()
            run.end_progress()
        if run.what & set("cHBih"):
            self._turn()
            self._show_heads(saves)
        content = self._counted(showing.pieces(response))
        if saves:
            self._save(content)
        elif "b" in run.what:
            self._show(content)
        else:
            for _ in content:
                pass
        if "t" in run.what and self._is_whole:
            self._turn()
            shows = "b" in run.what and not saves
            heads.show_trailers(run.screen, response, is_behind_content=shows)
        if arguments.push != "off" and exchange.connection is not None:
            from .pushes import receive_pushes

            receive_pushes(run, exchange, self._turn)
        response.close()

    def _saves(self, response: Any) -> bool:
        """True if the content goes to a file. One that --fail complains of is shown instead."""
        arguments = self._arguments
        named = arguments.output not in (None, "-")
        if not (arguments.download or named):
            return False
        is_wrong = exit_codes.by_status(response.status) and (
            arguments.download or self._run.fails or self._offset
        )
        return not is_wrong

    def _counted(self, content: Iterator[bytes]) -> Iterator[bytes]:
        for piece in content:
            self._exchange.downloaded += len(piece)
            self._limits.rest()
            yield piece
        self._is_whole = True

    def _show_heads(self, saves: bool) -> None:
        run, exchange = self._run, self._exchange
        screen = run.error_screen if saves else run.screen
        what = run.what
        response = exchange.response
        if "c" in what:
            heads.show_connection(screen, exchange, run.watcher)
        if "H" in what:
            heads.show_request(screen, exchange, is_http1=response.version != 20)
        if "B" in what:
            run.show_request_content(screen, exchange)
        if "i" in what:
            heads.show_informational(screen, response)
        if "h" in what:
            heads.show_response(screen, response, is_verbose="H" in what)
        screen.flush()

    def _show(self, content: Iterator[bytes]) -> None:
        run = self._run
        response = self._exchange.response
        if run.is_raw:
            run.screen.flush()
            last = showing.pour(content, run.output, flushes=run.flushes(response))
            if last not in (b"", b"\n") and run.what & set("tpm"):
                run.screen.line()
            return
        showing.show(
            run.screen,
            response,
            content,
            formats=self._arguments.pretty != "none",
            by_line=self._arguments.stream,
        )
        run.screen.flush()

    def _save(self, content: Iterator[bytes]) -> None:
        from . import saving

        exchange, arguments, run = self._exchange, self._arguments, self._run
        response = exchange.response
        if arguments.output not in (None, "-"):
            path = arguments.output
            file: BinaryIO = saving.opened(path, response, self._offset)
        else:
            file, path = saving.opened_new(saving.name_for(response, exchange.request.target.path))
        exchange.saved_as = path
        is_part = response.status == saving.PARTIAL_CONTENT
        done = self._offset if is_part else 0
        length = getattr(response, "length", None)
        if not (arguments.download or getattr(arguments, "continue")):
            length = None if response.getheader("content-encoding") else length
        progress = run.progress_of(is_wanted=True)
        task = progress.begin(
            f"↓ {os.path.basename(path)}", None if length is None else length + done, done
        )
        try:
            saving.save(content, file, path, lambda size: progress.told(task, size))
        finally:
            progress.end(task)
        if arguments.download and not arguments.quiet:
            size = exchange.downloaded + done
            run.note(f"saved {path}, {size:,} octets")

    # ------------------------------------------------------------------ the end

    def _judge(self) -> None:
        """Set the exit code by the status, where that was asked for."""
        exchange, arguments = self._exchange, self._arguments
        if self._offset and exchange.status == RANGE_NOT_SATISFIABLE:
            self._turn()
            self._run.note(f"{arguments.output} is whole already")
            return
        if self._run.fails or arguments.download:
            exchange.code = exit_codes.by_status(exchange.status)
            if exchange.code and not self._run.screen.is_terminal:
                self._turn()
                self._run.note(
                    f"{exchange.status} {exchange.response.reason}".rstrip()
                    + f" from {exchange.request.target.url}"
                )

    def _show_end(self) -> None:
        """Show figures."""
        run, exchange, arguments = self._run, self._exchange, self._arguments
        if not (arguments.meta or "m" in run.what or arguments.meta_json or arguments.write_out):
            return
        from . import figures

        found = figures.figures_of(exchange, run.watcher)
        if "m" in run.what:
            run.show_figures(found)
        if arguments.meta_json:
            import json

            run.error_screen.line(json.dumps(found))
        if arguments.write_out:
            run.screen.put(figures.written(run.template, exchange, found))
        run.screen.flush()
