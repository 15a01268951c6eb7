"""All that a log or a tracker of errors could show of an exception."""

from __future__ import annotations

import traceback


def all_words(error):
    """Whatever a log or a tracker could show of an exception: its chain, arguments and notes."""
    words, todo, seen = [], [error], set()
    while todo:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        words += [str(each), repr(each.args), repr(getattr(each, "__notes__", ""))]
        todo += [each.__context__, each.__cause__]
    return "\n".join([*words, *traceback.format_exception(type(error), error, None)])
