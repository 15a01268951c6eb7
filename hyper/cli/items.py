"""Items: the words behind the URL, each of which adds something to the request.

They are written as HTTPie has them. The first separator decides, the longest one where two begin
at the same place; a backslash takes a character's meaning away.
"""

from __future__ import annotations

import re

from .faults import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Pairs = list[tuple[str, str]]

#: The separators, the longest first.
SEPARATORS = (":=@", "==@", ":=", "==", "=@", ":@", "=", "@", ":", ";")
#: A key of nested JSON: its first part, and the parts in brackets.
NESTED = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)").fullmatch
PART = re.compile(r"\[([^\[\]]*)\]").findall
#: Elements that a list may be filled up with: ``a[1000000000]=x`` is a slip.
MAX_GAP = 1000


class FilePart:
    """A file of a form: its field, its path, and its media type if it was said."""

    __slots__ = ("name", "path", "type")

    def __init__(self, name: str, path: str, media_type: str) -> None:
        self.name: str = name
        self.path: str = path
        self.type: str = media_type


class Items:
    """The items of a command line, sorted by what they are.

    Attributes:
        headers: (name, value) pairs; None for a value takes the default away.
        query: (name, value) pairs.
        fields: (name, text) pairs of a form.
        members: (key, value) pairs of a JSON object, in the same order.
        files: of a form.
        content: the path of a file that is the content, "-" for the input; None for no such item.
    """

    def __init__(self) -> None:
        self.headers: list[tuple[str, str | None]] = []
        self.query: Pairs = []
        self.fields: Pairs = []
        self.members: list[tuple[str, Any]] = []
        self.files: list[FilePart] = []
        self.content: str | None = None


def read_items(words: Iterable[str]) -> Items:
    """Read items.

    Raises:
        UsageError: a word is not an item, or its JSON or its file cannot be read.
    """
    items = Items()
    for word in words:
        name, separator, value = split(word)
        _add(items, word, name, separator, value)
    return items


def split(word: str) -> tuple[str, str, str]:
    """Take an item apart: (name, separator, value), without backslashes."""
    name = ""
    at = 0
    while at < len(word):
        if word[at] == "\\" and at + 1 < len(word):
            name += word[at + 1]
            at += 2
            continue
        for separator in SEPARATORS:
            if word.startswith(separator, at):
                return name, separator, word[at + len(separator) :].replace("\\\\", "\\")
        name += word[at]
        at += 1
    raise UsageError(
        f"{word!r} is not an item: write Name:value for a header field, name==value for the query,"
        " name=value for data, @file for the content"
    )


def _add(items: Items, word: str, name: str, separator: str, value: str) -> None:
    if not name and separator != "@":
        raise UsageError(f"the item {word!r} has no name")
    if separator == ";":
        if value:
            raise UsageError(f"{word!r}: 'Name;' sends an empty field; write 'Name:value' for one")
        items.headers.append((name, ""))
    elif separator in (":", ":@"):
        text = text_of(value).rstrip("\r\n") if separator == ":@" else value
        items.headers.append((name, text if text or separator == ":@" else None))
    elif separator in ("==", "==@"):
        text = text_of(value).rstrip("\r\n") if separator == "==@" else value
        items.query.append((name, text))
    elif separator == "@" and not name:
        items.content = value
    elif separator == "@":
        path, _, media_type = value.partition(";type=")
        items.files.append(FilePart(name, path, media_type))
    else:
        text = text_of(value) if separator.endswith("@") else value
        items.fields.append((name, text))
        items.members.append((name, _json(word, text) if ":" in separator else text))


def text_of(path: str) -> str:
    """Read the text of a file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"the file {path!r} of an item cannot be read: {reason}") from error


def _json(word: str, text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"the item {word!r} has no JSON behind ':=' ({error}): text is given by '='"
        ) from error


def json_object(members: Iterable[tuple[str, Any]]) -> Any:
    """Build the JSON object of data items; ``a[b][0]=c`` nests, and so does ``a[]=c``.

    Raises:
        UsageError: two items want one place to be of two kinds.
    """
    whole: dict[str, Any] = {}
    for key, value in members:
        nested = NESTED(key)
        if nested is None:
            whole[key] = value
            continue
        steps: list[Any] = [nested[1], *map(_step, PART(nested[2]))]
        place: Any = whole
        for step, following in zip(steps, [*steps[1:], None]):
            is_last = following is None
            fresh: Any = value if is_last else ([] if isinstance(following, int) else {})
            place = _put(key, place, step, fresh, replace=is_last)
    return whole


def _step(part: str) -> int | str:
    """One step of a nested key; -1 appends."""
    return -1 if not part else int(part) if part.isdecimal() else part


def _put(key: str, place: Any, step: int | str, fresh: Any, *, replace: bool) -> Any:
    """Put a value into a dict or list, and return what is there then."""
    if isinstance(place, list) and isinstance(step, int):
        if step == -1 or step == len(place):
            place.append(fresh)
            return fresh
        if step > len(place) + MAX_GAP:
            raise UsageError(f"{key!r}: a list of {len(place)} has no place {step} yet")
        place += [None] * (step + 1 - len(place))
        if replace or place[step] is None:
            place[step] = fresh
        return place[step]
    if isinstance(place, dict):
        if replace or str(step) not in place:
            place[str(step)] = fresh
        return place[str(step)]
    raise UsageError(f"{key!r}: an item before it has made something else of that place")
