"""The observers of one object and of the process, and how they are told.

``watch_of`` is asked when an object is made, and gives None where nobody watches. Then nothing more
happens, and nothing is tested later: the parts that tell are put in place only where there is a
``Watch``.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time

from ..foundation.interruptions import is_of_signal
from .faults import log_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Callable, Union

    from .events import Event
    from .tracers import Tracer, Tracing

    Observer = Callable[[Event], object]
    #: an observer, or a tracer that is not called with events
    Watching = Union[Observer, Tracer]

#: The observers of the process.
installed: tuple[Watching, ...] = ()

#: The level DEBUG of the module logging.
DEBUG = 10

#: The numbers of connections; a step of ``count`` is atomic.
_numbers = itertools.count(1)


def install(observer: Watching) -> None:
    """Have an observer told of everything that is connected from now on in this process.

    Objects that were made before (an ``HTTP20Connection``, a ``Pool``'s connections) are not
    watched by it. Installing an observer twice does nothing more.

    Args:
        observer: called with each event, in the thread and at the place where it happens; or a
            tracer, which sees each request.
    """
    global installed
    if observer not in installed:
        installed = (*installed, observer)


def uninstall(observer: Watching) -> None:
    """Take an observer back: objects that are made from now on do not tell it.

    Args:
        observer: what ``install`` was given; nothing happens if it is not installed.
    """
    global installed
    installed = tuple(each for each in installed if each != observer)


def watch_of(trace: Watching | None) -> Watch | None:
    """Return what tells an object's own observer, those of the process, and the log; or None."""
    observers = installed
    if trace is not None and not (callable(trace) or hasattr(trace, "before_request")):
        raise TypeError(f"trace is a callable that is given events, or a tracer, not {trace!r}")
    if trace is not None and trace not in observers:
        observers = (trace, *observers)
    # A program that has not imported logging does not log. Another thread may be importing it now.
    get_logger = getattr(sys.modules.get("logging"), "getLogger", None)
    if get_logger is not None:
        logger = get_logger("hyper")
        if logger.isEnabledFor(DEBUG):
            from .log import LogLines

            observers = (LogLines(logger), *observers)
    return Watch(observers) if observers else None


class _OfThread(threading.local):
    """The observer of the connections that this thread makes, or None."""

    observer: Any = None


_of_thread = _OfThread()


@contextlib.contextmanager
def watching_dials(observer: Observer) -> Iterator[None]:
    """Have an observer told of the connections that this thread makes inside, until TLS is done.

    A connection that another thread makes, or that is there already, is not told.
    """
    before, _of_thread.observer = _of_thread.observer, observer
    try:
        yield
    finally:
        _of_thread.observer = before


def watch_of_dial(watch: Watch | None) -> Watch | None:
    """Return what tells of a connection that this thread is about to make; watch: the object's."""
    observer = _of_thread.observer
    if observer is None:
        return watch
    return Watch((observer, *(() if watch is None else watch.observers)))


class Watch:
    """Tells several observers. Any thread.

    An observer that raises harms nobody: the logger ``hyper`` tells it once, and the work goes on.
    KeyboardInterrupt and its like are no exceptions of the observer's, and go through.
    """

    __slots__ = (
        "_failed",
        "_open",
        "_shut",
        "observers",
        "tracing",
        "wants_content",
        "wants_secrets",
    )

    def __init__(self, given: tuple[Any, ...]) -> None:
        tracers = tuple(each for each in given if hasattr(each, "before_request"))
        observers: tuple[Observer, ...] = tuple(filter(callable, given))
        #: tells those who want to see each request before it is sent, or None
        self.tracing: Tracing | None = None
        if tracers:
            from .tracers import Tracing

            self.tracing = Tracing(tracers)
            observers = (self.tracing, *observers)
        self.observers: tuple[Observer, ...] = observers
        self._open = tuple(each for each in observers if getattr(each, "wants_secrets", False))
        self._shut = tuple(each for each in observers if each not in self._open)
        self.wants_secrets: bool = bool(self._open)
        self.wants_content: bool = any(getattr(each, "wants_content", False) for each in observers)
        self._failed: list[Any] = []

    def tell(self, event: Event) -> None:
        """Give an event to each observer; those that did not ask for secrets see none."""
        self.tell_all((event,))

    def tell_all(self, found: Sequence[Event]) -> None:
        """Give events to each observer, in their order; the first observer gets all of them first.

        One call for the frames of one read: a call for each would cost more than the frame.
        """
        for observer in self._open:
            for event in found:
                try:
                    observer(event)
                except Exception as error:  # noqa: BLE001 - an observer's own
                    self._note(observer, error)
        if self._shut:
            if self._open:
                from .events import redacted

                found = [redacted(event) for event in found]
            for observer in self._shut:
                for event in found:
                    try:
                        observer(event)
                    except Exception as error:  # noqa: BLE001 - an observer's own
                        self._note(observer, error)

    def _note(self, observer: Observer, error: Exception) -> None:
        if is_of_signal(error):
            raise error
        if observer in self._failed:
            return
        self._failed.append(observer)
        log_error(
            f"the observer {observer!r} of a trace raised {error!r}; this is told once", error
        )


def next_connection() -> int:
    """Return the number of a new connection."""
    return next(_numbers)


now: Callable[[], float] = time.monotonic
