"""How Sphinx builds hyper's documentation: ``tox -e docs``."""

import hyper

project = "hyper"
author = "the hyper authors"
copyright = "2026, the hyper authors"  # noqa: A001 - Sphinx's name
version = release = hyper.__version__

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"hyper {release}"

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"

nitpicky = True
nitpick_ignore_regex = [
    # Annotations name what only a type checker knows, and the standard library, whose index is
    # not here: the build needs no network. What is hyper's own must be found.
    ("py:class", r"(?!hyper\.).*"),
]
