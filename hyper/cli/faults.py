"""The exceptions of the command itself: a wrong command line, and an end that has a code."""

from __future__ import annotations


class UsageError(Exception):
    """The command line cannot be read, or contradicts itself. The message says what to do."""


class OutputClosed(Exception):
    """The reader of the output has gone, as ``head`` does: the command ends without a word."""


class Failed(Exception):
    """The command ends with this code; the message is shown, unless it is empty."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code
