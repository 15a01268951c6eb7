"""proxies.py: what a proxy's URL says, and which proxy the environment names."""

from __future__ import annotations

import base64
import sys

import pytest

from hyper import HTTP20Connection, InvalidURL, LocalProtocolError
from hyper.proxies import Proxy, from_environment


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("http://proxy.example/", "http://proxy.example:80"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("HTTPS://Proxy.Example", "https://proxy.example:443"),
        ("h2c://127.0.0.1:8080", "h2c://127.0.0.1:8080"),
        ("socks5://proxy.example", "socks5://proxy.example:1080"),
        ("socks5h://[::1]:9050", "socks5h://[::1]:9050"),
        ("http://name:secret@proxy.example", "http://proxy.example:80"),
        ("http://Pröxy.example", "http://xn--prxy-6qa.example:80"),
        ("http://[fe80::1%25eth0]:3128", "http://[fe80::1]:3128"),
    ],
)
def test_a_url_says_where_a_proxy_is(url, shown):
    """Its words have no password."""
    proxy = Proxy(url)
    assert str(proxy) == shown
    assert repr(proxy) == f"<Proxy {shown}>"


@pytest.mark.parametrize(
    ("user", "credentials"),
    [
        ("Aladdin:open%20sesame@", b"Aladdin:open sesame"),
        ("a%40b:p%3A%2Fw@", b"a@b:p:/w"),
        ("%C3%BC:%C3%BC@", "ü:ü".encode()),  # RFC 7617, 2.1
        ("name@", b"name:"),
        (":secret@", b":secret"),
    ],
)
def test_credentials_are_percent_decoded(user, credentials):
    """RFC 7617, 2."""
    fields = Proxy(f"http://{user}proxy.example").fields()
    assert fields == ((b"proxy-authorization", b"Basic " + base64.b64encode(credentials)),)


def test_headers_are_the_callers():
    proxy = Proxy("http://a:b@proxy.example", headers={"X-Own": "1"})
    assert [name for name, _ in proxy.fields()] == [b"proxy-authorization", b"x-own"]
    own = [("Proxy-Authorization", "Bearer token")]
    assert Proxy("http://a:b@x", headers=own).fields() == (
        (b"proxy-authorization", b"Bearer token"),
    )
    assert Proxy("http://proxy.example").fields() == ()
    with pytest.raises(LocalProtocolError):
        Proxy("http://proxy.example", headers={"x": "a\r\nb: c"})


@pytest.mark.parametrize(
    "url",
    [
        "ftp://proxy.example",
        "socks4://proxy.example",
        "http://",
        "http://:80",
        "http://proxy.example:port",
        "http://proxy.example:99999",
        "http://proxy.example/path",
        "http://proxy.example/?query",
        "http://proxy example",
        "http://[::1",
        "http://name:se#cret@proxy.example",
        "http://name:se/cret@proxy.example",
        "http://prö xy.example",
        "http://[fe80::1%]",
        "http://a..example",
        "socks5://%ff:secret@proxy.example",
        "socks5h://name:s%C3%A9cret@proxy.example",
        f"socks5://name:{'secret' * 50}@proxy.example",
        "",
    ],
)
def test_what_names_no_proxy_is_refused_without_showing_the_password(url):
    with pytest.raises(InvalidURL) as caught:
        Proxy(url)
    error = caught.value
    while error is not None:
        assert "cret" not in str(error)
        error = None if error.__suppress_context__ else error.__cause__ or error.__context__


def test_a_proxy_s_words_are_shown_without_the_credentials_that_it_was_given():
    """RFC 9110, 4.2.4: it may repeat the request, coded, percent-encoded or decoded, or cut."""
    proxy = Proxy("http://name:se%2Fcret%20word@proxy.example", headers={"Cookie": "crumb=1234"})
    coded = base64.b64encode(b"name:se/cret word").decode()
    for words in (coded, f"Basic {coded}", coded[:12], "se/cret word", "se%2Fcret%20word"):
        assert proxy.without_secrets(f"it says {words}") in ("it says ***", "it says Basic ***")
    assert proxy.without_secrets("cookie: crumb=1234") == "cookie: ***"
    assert proxy.without_secrets("name and words") == "name and words"
    assert Proxy("http://name:abcde@x").without_secrets("it is abcde!") == "it is ***!"
    assert Proxy("http://name:pw@x").without_secrets("pw is short: power") == "pw is short: power"


def test_a_connection_checks_its_proxy_at_once():
    with pytest.raises(InvalidURL):
        HTTP20Connection("example.org", proxy="ftp://proxy.example")
    with pytest.raises(ValueError, match="no way through a proxy to a Unix socket"):
        HTTP20Connection("example.org", proxy="proxy.example:80", unix_socket="/s")


@pytest.fixture
def environment(monkeypatch):
    """The environment of proxies: `environment(HTTPS_PROXY="...")`."""
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)
    monkeypatch.delenv("REQUEST_METHOD", raising=False)

    def put(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return put


ALL = {"ALL_PROXY": "socks5h://all:1080"}
SECURE = {"HTTPS_PROXY": "http://secure:3128"}


@pytest.mark.parametrize(
    ("values", "arguments", "found"),
    [
        (SECURE, ("example.org",), "http://secure:3128"),
        ({"https_proxy": "http://lower:1", **SECURE}, ("example.org",), "http://lower:1"),
        (ALL, ("example.org",), "socks5h://all:1080"),
        ({**ALL, **SECURE}, ("example.org",), "http://secure:3128"),
        (SECURE, ("example.org", 80, "http"), None),
        ({"HTTP_PROXY": "plain:1"}, ("example.org", None, "http"), "http://plain:1"),
        # A CGI script's client names that variable by a field "Proxy" (httpoxy).
        ({"HTTP_PROXY": "plain:1", "REQUEST_METHOD": "GET"}, ("example.org", 80, "http"), None),
        ({**SECURE, "NO_PROXY": "example.org"}, ("example.org",), None),
        ({**SECURE, "NO_PROXY": "example.org"}, ("www.example.org", 443), None),
        ({**SECURE, "NO_PROXY": ".example.org, x"}, ("www.example.org",), None),
        ({**SECURE, "NO_PROXY": "example.org"}, ("bad-example.org",), "http://secure:3128"),
        ({**SECURE, "NO_PROXY": "example.org:8443"}, ("example.org", 443), "http://secure:3128"),
        ({**SECURE, "NO_PROXY": "example.org:8443"}, ("example.org", 8443), None),
        ({**SECURE, "NO_PROXY": "*"}, ("example.org",), None),
        ({**SECURE, "NO_PROXY": "127.0.0.1"}, ("127.0.0.1", 443), None),
        ({**SECURE, "NO_PROXY": "[::1]"}, ("::1", 443), None),
        ({**SECURE, "NO_PROXY": "x,::1"}, ("::1", 443), None),
        ({**SECURE, "NO_PROXY": "x,::1"}, ("[::1]",), None),
        ({**SECURE, "NO_PROXY": "::1"}, ("::2", 443), "http://secure:3128"),
        ({**SECURE, "NO_PROXY": "[::1]:80"}, ("::1", 443), "http://secure:3128"),
    ],
)
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the system has a word there, too")
def test_the_environment_names_a_proxy(environment, values, arguments, found):
    environment(**values)
    proxy = from_environment(*arguments)
    assert (proxy and str(Proxy(proxy))) == found


def test_a_bare_connection_ignores_the_environment(environment):
    environment(HTTPS_PROXY="ftp://would.be.refused", ALL_PROXY="ftp://would.be.refused")
    HTTP20Connection("example.org").close()
