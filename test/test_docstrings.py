"""Docstrings of the public names: what is given, returned and raised stands in lists.

For each function, method and class of test_public_names.NAMES:

* It has a docstring. Its list Args has each parameter, and no name that is not one.
* A function that raises by itself, in its own lines, has the list Raises.
* A function that returns something has the list Returns, unless its first line names the thing:
  "The content ...", "Return the name ...". It may give a context manager for ``with``.

A method that overrides one of hyper's or of a library's may leave its lists to that one. Classes
that programs do not make themselves have no Args: `MADE_BY_HYPER`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap

import pytest

from test.test_public_names import NAMES

# Programs are given these, or make them in a way of their own (errors are raised by hyper).
MADE_BY_HYPER = {
    "HTTP20Push", "HTTP20Response", "HTTP20Stream", "HTTP20Tunnel", "HTTPResponse", "Connection",
    "Exchange", "Request", "SocketPeer",
}  # fmt: skip

HEADING = re.compile(r"(Args|Returns|Raises|Attributes):$")
ITEM = re.compile(r"    ([\w*][\w*., ]*?):(?: |$)")
THING = re.compile(
    r"(Return|Raise|Iterate|The|A|An|All|Each|Every|Both|One|True|False|How|What|Which|Whether|Where|Everything|Nothing)\b"
)
# Nothing that a reader would use.
WITHOUT_RETURNS = {None, "None", "NoReturn"}


def is_ours(found):
    return getattr(found, "__module__", "").startswith("hyper")


def function_of(member):
    """The function behind a method, a static method or a property, or None."""
    if isinstance(member, (staticmethod, classmethod)):
        member = member.__func__
    if isinstance(member, property):
        member = member.fget
    return member if inspect.isfunction(member) else None


def methods(kind):
    """(name, function, where it is defined) of the public methods that hyper has written."""
    for name in dir(kind):
        home = next((each for each in kind.__mro__ if name in vars(each)), None)
        if name.startswith("_") or home is None or not is_ours(home):
            continue
        function = function_of(vars(home)[name])
        if function is not None and is_ours(function):
            yield name, function, home


def public():
    """(name, what is shown, the class whose method it is) for all public names that are here."""
    found = {}
    for module_name, names in NAMES.items():
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError:
            continue  # the library of an integration is not installed
        for name in names.split():
            shown = getattr(module, name)
            if not is_ours(shown):
                continue
            if inspect.isclass(shown):
                found[f"{module_name}.{name}"] = (shown, None)
                for method, function, home in methods(shown):
                    key = f"{home.__module__}.{home.__qualname__}.{method}"
                    found[key] = (function, (home, method))
            elif inspect.isfunction(shown):
                found[f"{module_name}.{name}"] = (shown, None)
    return found


def sections(docstring):
    """The lists of a docstring: {heading: the names of its items}."""
    found, current = {}, None
    for line in inspect.cleandoc(docstring or "").split("\n"):
        heading = HEADING.match(line)
        if heading:
            current = found.setdefault(heading[1], [])
        elif line and not line.startswith(" "):
            current = None
        elif current is not None and ITEM.match(line):
            names = ITEM.match(line)[1].split(",")
            current.extend(name.strip().lstrip("*") for name in names)
    return found


def raises(function):
    """True if a raise stands in the lines of a function itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function.__code__)))
    todo = list(tree.body[0].body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Raise):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))
    return False


def overrides(home, method):
    """True if a class above `home` has that method: a library's, or hyper's with a docstring."""
    above = [each for each in home.__mro__[1:] if each is not object and method in vars(each)]
    return any(vars(each)[method].__doc__ or not is_ours(each) for each in above)


def faults_of_args(parameters, lists):
    """Each fault of Args, by the parameters of a signature."""
    named = [name for name, each in parameters.items() if each.kind not in (2, 4)]
    takes_others = len(named) < len(parameters)
    told = lists.get("Args", [])
    missing = [name for name in named if name not in told and not name.startswith("_")]
    unknown = [name for name in told if name not in parameters]
    if missing:
        yield f"Args lacks {', '.join(missing)}"
    if unknown and not takes_others:
        yield f"Args has {', '.join(unknown)}, which it does not take"


def parameters_of(function):
    found = dict(inspect.signature(function, follow_wrapped=False).parameters)
    return {name: each for name, each in found.items() if name not in ("self", "cls")}


def faults_of_function(function, lists, is_property, is_override):
    if raises(function) and "Raises" not in lists and not is_override:
        yield "it raises, and has no list Raises"
    if is_property:
        return
    parameters = parameters_of(function)
    if not is_override or "Args" in lists:
        yield from faults_of_args(parameters, lists)
    first = (function.__doc__ or "").lstrip()
    returned = function.__annotations__.get("return")
    if (
        returned in WITHOUT_RETURNS
        or "ContextManager" in str(returned)
        or is_override
        or THING.match(first)
    ):
        return
    if "Returns" not in lists:
        yield f"it returns {returned}, and has no list Returns"


def faults(shown, place):
    if not (shown.__doc__ or "").strip():
        yield "it has no docstring"
        return
    lists = sections(shown.__doc__)
    if inspect.isclass(shown):
        init = vars(shown).get("__init__")
        is_made = not issubclass(shown, BaseException) and shown.__name__ not in MADE_BY_HYPER
        if inspect.isfunction(init) and is_made:
            yield from faults_of_args(parameters_of(init), lists)
            if raises(init) and "Raises" not in lists:
                yield "its constructor raises, and it has no list Raises"
        return
    is_property = place is not None and isinstance(vars(place[0])[place[1]], property)
    is_override = place is not None and overrides(*place)
    yield from faults_of_function(shown, lists, is_property, is_override)


PUBLIC = public()


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_the_lists_of_a_public_docstring_are_whole(name):
    assert list(faults(*PUBLIC[name])) == []


def test_the_rule_finds_what_it_means():
    def send(content, *, end=False):
        """Send content.

        Args:
            content: octets.
            ending: whether it is the last.
        """
        raise ValueError(content, end)

    send.__annotations__["return"] = "int"
    assert list(faults(send, None)) == [
        "it raises, and has no list Raises",
        "Args lacks end",
        "Args has ending, which it does not take",
        "it returns int, and has no list Returns",
    ]


if __name__ == "__main__":
    for name in sorted(PUBLIC):
        for fault in faults(*PUBLIC[name]):
            print(f"{name}: {fault}")
