"""--session: cookies that are kept in a file, in the form that curl and browsers' tools read."""

from __future__ import annotations

import contextlib
import http.cookiejar
import os
import urllib.request
from email.message import Message

from . import exit_codes
from .faults import Failed, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .urls import Target


class Session:
    """The cookies of one file (RFC 6265). Any thread.

    Args:
        path: of the file, which need not be there yet.

    Raises:
        UsageError: it has another form, or cannot be read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._jar = http.cookiejar.MozillaCookieJar(path)
        with contextlib.suppress(FileNotFoundError):
            try:
                self._jar.load(ignore_discard=True)
            except FileNotFoundError:
                raise
            except OSError as error:  # cookiejar's LoadError is one
                raise UsageError(f"--session: {path!r} is no file of cookies: {error}") from error

    def cookies(self, target: Target) -> str:
        """Return the value of the field cookie for a request, or ""."""
        request = urllib.request.Request(target.url)  # noqa: S310 - it is read, and not opened
        self._jar.add_cookie_header(request)
        return str(request.get_header("Cookie") or "")

    def keep(self, target: Target, response: Any) -> None:
        """Keep what a response sets."""
        fields = Message()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                fields["Set-Cookie"] = value
        if fields:
            request = urllib.request.Request(target.url)  # noqa: S310 - it is read, and not opened
            self._jar.extract_cookies(_Answer(fields), request)  # type: ignore[arg-type] # as it needs

    def save(self) -> None:
        """Write the file, which its owner alone may read; those of the session as well.

        Raises:
            Failed: it cannot be written.
        """
        try:
            # Where it is new, no other user may read it, not even for a moment.
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._jar.save(ignore_discard=True)
        except OSError as error:
            raise Failed(
                exit_codes.WRITE,
                f"--session: the file {self._path!r} cannot be written: {error.strerror}",
            ) from error


class _Answer:
    """A response as cookiejar wants it."""

    def __init__(self, fields: Message) -> None:
        self._fields = fields

    def info(self) -> Message:
        """Return its fields."""
        return self._fields
