"""A lock that survives interruptions (Ctrl-C): a thread knows whether it holds it.

KeyboardInterrupt may strike between any two steps, so "the lock was released" and "this is noted"
cannot be one step. An RLock knows its owner, and tells by ``_is_owned``. That is private, though
``threading.Condition`` has used it since Python 2, and so is ``_at_fork_reinit``, which
``threading`` uses, too.
"""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:

    class RLock:
        """The methods of the lock that are used, the private ones included."""

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...  # noqa: D102 - known
        def release(self) -> None: ...  # noqa: D102 - as above
        def __enter__(self) -> bool: ...
        def __exit__(self, *_: object) -> None: ...
        def _is_owned(self) -> bool: ...
        def _at_fork_reinit(self) -> None: ...

else:
    #: The type of which ``threading.RLock`` makes locks. gevent puts another one there, because its
    #: greenlets, which count as threads, share a thread of the system's.
    RLock = type(threading.RLock())

#: Why a call is refused inside a signal handler.
IN_A_STEP = (
    "this thread was interrupted in the middle of a step on this connection, which a call from here"
    " could spoil: have the signal handler set a flag, or use another connection"
)


class InterruptibleLock(RLock):
    """A lock for ``with``, and for threads that release it in the middle.

    Never take it twice: it is an RLock for the sake of its owner, not of its count. A thread that
    holds it and comes by again is in a signal handler, in the middle of a step. Public calls ask
    ``is_held`` first, and raise RuntimeError with IN_A_STEP before they change anything.
    """

    __slots__ = ()

    #: True if this thread holds the lock. It is the lock's own method, in C: hot calls ask, too.
    is_held = RLock._is_owned  # noqa: SLF001 - see above

    def require_free(self) -> None:
        """Raise RuntimeError if this thread holds the lock; hot calls ask in place."""
        if self.is_held():
            raise RuntimeError(IN_A_STEP)

    def renew(self) -> None:
        """Free the lock in the child of a fork, unless the thread that lives there holds it.

        It stays the same object, because that thread may be about to take or release it.
        """
        if not self.is_held():
            self._at_fork_reinit()


class Unlocked:
    """``with`` it, a lock is not held, and is held again afterwards, whatever happens inside.

    An interruption while the lock is taken again waits until that is done. It is no generator
    under ``contextlib.contextmanager``: an interruption inside one is lost.

    Raises:
        RuntimeError: this thread has taken the lock twice, so that it would still be held. That
            can only be a signal handler, or a finalizer, in the middle of a step.
    """

    __slots__ = ("_lock",)

    def __init__(self, lock: InterruptibleLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        try:
            self._lock.release()
            if self._lock.is_held():
                self._lock.acquire()
                raise RuntimeError(IN_A_STEP)  # noqa: TRY301 - the lock must be held again
        except BaseException:  # between the release and the return
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        interruption: BaseException | None = None
        is_held = False
        while not is_held:
            try:
                if not self._lock.is_held():
                    self._lock.acquire()
                is_held = True
            except BaseException as error:  # noqa: BLE001 - raised below
                interruption = error
        if interruption is not None:
            raise interruption
