"""requests' documented behaviours, each asked over HTTP/2 and of a server without it: the script
is the same, and so is the answer; `response.raw.version` tells them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test.live import servers
from test.live.conftest import require

if TYPE_CHECKING:
    from collections.abc import Generator

    import requests

    from test.certificates import Certificates
    from test.live.server import Server


SITE = """
location = /see { default_type text/plain;
  return 200 "$request_method|$http_user_agent|$http_x_own|$http_transfer_encoding|$host"; }
location = /jar { default_type text/plain; return 200 "$http_cookie"; }
location = /authorization { default_type text/plain; return 200 "$http_authorization"; }
location = /cookie { add_header Set-Cookie "a=1; Path=/"; add_header Set-Cookie "b=2; Path=/";
  return 302 /jar; }
location = /moved { return 302 /see; }
location = /kept { return 307 /upload/kept; }
location = /loop { return 302 /loop; }
location = /away { return 302 $arg_to; }
location = /busy { add_header Retry-After 0 always; return 503 "busy"; }
location = /teapot { return 418 "short and stout"; }
location = /private { auth_basic "private"; auth_basic_user_file %s;
  add_header X-User $remote_user; try_files /style.css =404; }
"""


@pytest.fixture(scope="module")
def sites(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Generator[dict[int, Server], None, None]:
    require("nginx")
    users = tmp_path_factory.mktemp("users") / "users"
    users.write_text("ann:{PLAIN}secret\n")
    nginx, directives = servers.Nginx, [SITE % users]
    with (
        nginx(certificates, directives=directives) as new,
        nginx(certificates, directives=directives, http2=False) as old,
    ):
        yield {20: new, 11: old}


@pytest.fixture(params=[20, 11], ids=["HTTP/2", "HTTP/1.1"])
def version(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def site(sites: dict[int, Server], version: int) -> Server:
    """nginx, with HTTP/2 or without."""
    return sites[version]


def made(authority: str | bool, **options) -> requests.Session:
    """A session that speaks HTTP/2 with https URLs."""
    import requests

    from hyper.contrib import HTTP20Adapter

    session = requests.Session()
    session.trust_env = False
    session.verify = authority
    session.mount("https://", HTTP20Adapter(**options))
    return session


@pytest.fixture
def session(certificates: Certificates) -> Generator[requests.Session, None, None]:
    with made(certificates.authority) as session:
        yield session
