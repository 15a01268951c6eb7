"""How Sphinx builds hyper's documentation: ``tox -e docs``."""

import os
import re
from pathlib import Path
from typing import Any

import hyper

project = "hyper"
author = "the hyper authors"
copyright = "2026, the hyper authors"  # noqa: A001 - Sphinx's name
version = release = hyper.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosectionlabel",
    "sphinx_copybutton",
    "sphinxext.opengraph",
]
autosectionlabel_prefix_document = True
# Titles that stand on more than one page of one document: Added, Fixed.
suppress_warnings = ["autosectionlabel.history"]
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True
ogp_site_name = "hyper"
ogp_site_url = "https://docs.hyper.example/"
ogp_social_cards = {"enable": False}

# Links into Python's own documentation need its inventory, which is on the network: they are made
# where a release is built, and nowhere else, so that no build fails for want of a network.
if os.environ.get("HYPER_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {"python": ("https://docs.python.org/3", None)}

exclude_patterns = ["_build", "command-options.rst"]  # the latter is included
html_theme = "furo"
pygments_dark_style = "monokai"  # the default underlines names of modules, as if they were links
html_title = f"hyper {release}"
html_static_path = ["_static"]
html_css_files = ["narrow.css"]
html_js_files = ["narrow.js"]

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"

nitpicky = True
nitpick_ignore_regex = [
    # Annotations name what only a type checker knows, and the standard library, whose index is
    # not here: the build needs no network. Public names of hyper's must be found.
    ("py:class", r"(?!hyper\.).*|hyper\.(client|pool)\..*|hyper\.testing\.arrivals\..*"),
]

HEADING = re.compile(r"( *)(Args|Returns|Raises):$")
ITEM = re.compile(r"([\w*][\w*., ]*?): +(.*)$")


def item_of(heading: str, names: str, text: str) -> str:
    """One item of Args or Raises; exceptions of hyper's are links."""
    if heading == "Args":
        names = ", ".join(f"*{name}*" for name in names.split(", "))
    else:
        found = [(name, getattr(hyper.errors, name, None)) for name in names.split(", ")]
        names = ", ".join(
            f":exc:`~hyper.{name}`" if kind and kind.__module__ == "hyper.errors" else f"``{name}``"
            for name, kind in found
        )
    return f"    * {names}: {text}"


def list_sections(*event: Any) -> None:
    """Make lists of the sections Args, Returns and Raises of a docstring."""
    lines: list[str] = event[-1]
    written: list[str] = []
    heading, indent = None, 0
    for line in lines:
        size = len(line) - len(line.lstrip())
        begins = HEADING.match(line)
        if begins:
            heading, indent = begins[2], len(begins[1])
            written += ["", f":{heading}:"]
            continue
        if heading and line.strip() and size <= indent:
            heading = None
            written.append("")
        if not heading or not line.strip():
            written.append(line)
            continue
        item = ITEM.match(line[indent + 4 :]) if heading != "Returns" else None
        # Lines that go on are one step further in than their item's name.
        if item:
            written.append(item_of(heading, *item.groups()))
        else:
            written.append(("    " if heading == "Returns" else "      ") + line.strip())
    lines[:] = written


def write_llms(app: Any, failure: Any) -> None:
    """Write llms.txt: the title and the source of each page, for programs that read."""
    if failure is not None or app.builder.name != "html":
        return
    titles = {page: title.astext() for page, title in app.env.titles.items()}
    lines = ["# hyper", "", "> A synchronous HTTP/2 client for Python.", "", "## Pages", ""]
    lines += [f"- [{title}](_sources/{page}.rst.txt)" for page, title in sorted(titles.items())]
    (Path(app.outdir) / "llms.txt").write_text("\n".join(lines) + "\n", "utf-8")


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("build-finished", write_llms)
    app.connect("autodoc-process-docstring", list_sections)
