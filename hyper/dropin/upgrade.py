"""The change from one protocol to the other.

To HTTP/2 in cleartext, by an Upgrade field (RFC 7540, 3.2), which RFC 9113, 3.1 retired. To
HTTP/1.1, where the server asks for that.
"""

from __future__ import annotations

import base64

from ..client.replay import asks_for_http1, is_required
from ..client.route import OWN_SETTINGS
from ..protocol import frames
from ..protocol.settings import SETTINGS_ENABLE_PUSH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The name of HTTP/2 in cleartext in an Upgrade field.
H2C = "h2c"


def upgrade_lines(lines: list[bytes]) -> list[bytes]:
    """Fields that offer to go on in HTTP/2; empty if the script has its own plans.

    lines: of the request, without these.
    """
    names = [line.partition(b":")[0].lower() for line in lines]
    if b"connection" in names or b"upgrade" in names:
        return []
    settings = {**OWN_SETTINGS, SETTINGS_ENABLE_PUSH: 0}
    payload = frames.pack_settings(settings.items())[frames.FRAME_HEADER_SIZE :]
    return [
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: " + H2C.encode(),
        b"HTTP2-Settings: " + base64.urlsafe_b64encode(payload).rstrip(b"="),
    ]


def accepts_upgrade(response: Any) -> bool:
    """True if a response to ``upgrade_lines`` changes the protocol.

    HTTP/1.0 has no such change (RFC 9110, 7.8), and a connection that closes cannot change.
    """
    if response.status != 101 or response.version != 11 or response.will_close:
        return False
    upgrade: str = response.getheader("Upgrade", "")
    options: str = response.getheader("Connection", "")
    return upgrade.strip().lower() == H2C and "upgrade" in _tokens(options)


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",")]


def requires_http1(connection: Any, error: BaseException) -> bool:
    """Note that the server has asked for HTTP/1.1 (RFC 9113, 3.2, 7); False if it has not.

    connection: one of the drop-in's. error: what has ended a request over HTTP/2.
    """
    # By prior knowledge, the caller has said that it is HTTP/2.
    is_by_alpn = connection._http2 is None  # noqa: SLF001 - this is a part of the connection
    asks = asks_for_http1 if is_by_alpn else is_required
    if not any(map(asks, (error, error.__cause__))):
        return False
    connection.is_http1_required = True
    return True
