"""HTTPie over HTTP/2: a plugin that it finds by itself where hyper is installed beside it.

::

    $ http --headers https://example.org
    HTTP/2.0 200 OK

Only HTTPie loads this module. ``https`` URLs are sent by ``hyper.contrib.requests``; servers that
do not take HTTP/2 are spoken to in HTTP/1.1.
"""

from __future__ import annotations

import inspect

from httpie.plugins import TransportPlugin
from httpie.ssl_ import AVAILABLE_SSL_VERSION_ARG_MAPPING, HTTPieHTTPSAdapter

from .requests import HTTP20Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["HTTP2Plugin"]


class _Adapter(HTTPieHTTPSAdapter, HTTP20Adapter):
    """HTTPie's adapter, which takes --verify, --ssl, --ciphers and --cert-key-pass, over HTTP/2."""


class HTTP2Plugin(TransportPlugin):
    """Sends https requests over HTTP/2, where the server takes it."""

    name = "hyper"
    description = "HTTP/2 for https URLs"
    package_name = "hyper"
    prefix = "https://"

    def get_adapter(self) -> Any:
        """Return the adapter for https URLs."""
        # HTTPie gives its plugins no options, and the plugin's adapter takes the place of the one
        # that has them: they are read where HTTPie has made that one.
        frame = inspect.currentframe()
        names = frame.f_back.f_locals if frame and frame.f_back else {}
        options = {name: names[name] for name in ("verify", "ciphers") if name in names}
        if names.get("ssl_version"):
            options["ssl_version"] = AVAILABLE_SSL_VERSION_ARG_MAPPING[names["ssl_version"]]
        return _Adapter(**options)
