"""Option: one line of the table of options."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: The forms of an option's value.
FLAG, VALUE, MANY = "flag", "value", "many"


class Option:
    """One option of the command: what it is called, takes, and says of itself.

    Args:
        flags: its spellings, the long one last.
        short: what it does, in a line of the help.
        long: what else a person should know; "" for nothing.
        metavar: the name of its value; "" for an option that takes none.
        kind: FLAG, VALUE, or MANY (it may be given again).
        convert: from the text of the value; ValueError for what it cannot be.
        choices: the values that it takes, where they are a list.
        files: True if the value is the name of a file, for completion.
    """

    __slots__ = ("choices", "convert", "files", "flags", "kind", "long", "metavar", "short")

    def __init__(
        self,
        flags: str,
        short: str,
        long: str = "",
        *,
        metavar: str = "",
        kind: str = "",
        convert: Callable[[str], Any] = str,
        choices: tuple[str, ...] = (),
        files: bool = False,
    ) -> None:
        self.flags: tuple[str, ...] = tuple(flags.split())
        self.short: str = short
        self.long: str = long
        self.metavar: str = "|".join(choices) if choices else metavar
        self.kind: str = kind or (VALUE if self.metavar else FLAG)
        self.convert: Callable[[str], Any] = convert
        self.choices: tuple[str, ...] = choices
        self.files: bool = files

    @property
    def name(self) -> str:
        """The attribute in which its value is found."""
        return self.flags[-1].lstrip("-").replace("-", "_").replace(".", "_")

    @property
    def takes_value(self) -> bool:
        """True if a value follows."""
        return self.kind in (VALUE, MANY)

    @property
    def title(self) -> str:
        """Its spellings and its value, as help and manual show them."""
        return ", ".join(self.flags) + (f" {self.metavar}" if self.takes_value else "")
