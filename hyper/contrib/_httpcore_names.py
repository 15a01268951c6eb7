"""httpcore's events, for a request of httpx whose extension ``trace`` asks for them.

httpcore calls it with a name and a dict. Over HTTP/2 through hyper, the names that begin with
``http2.`` are told. Those of connecting are not, because a connection of hyper's is not made for
one request: ``hyper.trace`` has them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any


class Told:
    """Tell of one step: ``with Told(request, "http2.send_request_headers", ...) as step``.

    Args:
        request: one of httpcore's.
        name: of the step; ".started" and ".complete" or ".failed" come behind it.
        info: what the step has, by keyword.

    ``step.value`` is what the step returns.
    """

    def __init__(self, request: Any, name: str, /, **info: Any) -> None:
        self._tell = request.extensions.get("trace")
        self._name = name
        self._info = info
        self.value: Any = None

    def end(self) -> None:
        """Tell that the step is complete; nothing happens after that."""
        self.__exit__(None, None, None)
        self._tell = None

    def __enter__(self) -> Told:  # noqa: PYI034 - typing.Self is of 3.11
        if self._tell is not None:
            self._tell(f"{self._name}.started", self._info)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._tell is None:
            return
        if error is None:
            self._tell(f"{self._name}.complete", {"return_value": self.value})
        else:
            self._tell(f"{self._name}.failed", {"exception": error})
