"""Clients of services, by requests, urllib3, httpx and httpx2."""

from __future__ import annotations

import base64
import importlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from test.downstream.conftest import tried

MESSAGES = [{"role": "user", "content": "hello"}]


@tried(
    "openai", "http_client=httpx2.Client(transport=HTTP20Transport())", "plain, stream, 8 threads"
)
def test_openai(services, client):
    import openai

    library = importlib.import_module(openai.DefaultHttpxClient.__mro__[1].__module__.split(".")[0])
    api = openai.OpenAI(
        api_key="k", base_url=services.url("/v1"), http_client=client(library), max_retries=0
    )

    def ask(_=None):
        answer = api.chat.completions.create(model="m", messages=MESSAGES)
        return answer.choices[0].message.content

    assert ask() == "hello"
    stream = api.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    assert [chunk.choices[0].delta.content for chunk in stream] == ["hello"]
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(16))) == {"hello"}
    assert services.versions == {"2"}


@tried("anthropic", "http_client=httpx2.Client(transport=HTTP20Transport())", "create, stream")
def test_anthropic(services, client):
    import anthropic

    base = anthropic.DefaultHttpxClient.__mro__[1].__module__.split(".")[0]
    http = client(importlib.import_module(base))
    api = anthropic.Anthropic(api_key="k", base_url=services.url(""), http_client=http)
    options = {"model": "m", "max_tokens": 9, "messages": MESSAGES}
    assert api.messages.create(**options).content[0].text == "hello"
    with api.messages.stream(**options) as stream:
        assert list(stream.text_stream) == ["hello"]
    assert services.versions == {"2"}


@tried("huggingface_hub", "set_client_factory", "model info")
def test_huggingface_hub(services, client):
    import huggingface_hub
    from huggingface_hub.utils import _http

    library = next(
        importlib.import_module(name) for name in ("httpx2", "httpx") if hasattr(_http, name)
    )
    huggingface_hub.set_client_factory(lambda: client(library))
    api = huggingface_hub.HfApi(endpoint=services.url(""))
    assert api.model_info("ann/model").id == "ann/model"
    assert services.versions == {"2"}


@tried("dnspython", "session=", "DNS over HTTPS, POST and GET")
@pytest.mark.parametrize("post", [True, False])
def test_dnspython(services, client, post):
    import dns.message
    import dns.query

    library = importlib.import_module("httpx2" if hasattr(dns.query, "httpx2") else "httpx")
    query = dns.message.make_query("example.org", "A")
    url = services.url("/dns-query")
    answer = dns.query.https(query, url, session=client(library), post=post)
    assert answer.answer[0][0].address == "192.0.2.1"
    assert services.versions == {"2"}


@tried("httpx-sse", "a client of hyper's", "events")
def test_httpx_sse(services, client):
    import httpx
    import httpx_sse

    with httpx_sse.connect_sse(client(httpx), "GET", services.url("/events")) as source:
        assert [event.data for event in source.iter_sse()] == ["1", "2", "3"]
    assert services.versions == {"2"}


@tried("httpx-retries", "a transport around hyper's", "503, then 200")
def test_httpx_retries(services, transport):
    import httpx
    import httpx_retries

    retry = httpx_retries.Retry(total=2, backoff_factor=0)
    around = httpx_retries.RetryTransport(transport=transport(httpx), retry=retry)
    with httpx.Client(transport=around) as client:
        assert client.get(services.url("/flaky/httpx-retries")).status_code == 200
    assert [line["version"] for line in services.seen()] == ["2", "2"]


@tried("hishel", "a transport around hyper's", "cached")
def test_hishel(services, transport, tmp_path):
    import httpx
    from hishel import SqliteStorage
    from hishel.httpx import CacheTransport

    storage = SqliteStorage(database_path=tmp_path / "cache.db")
    around = CacheTransport(next_transport=transport(httpx), storage=storage)
    with httpx.Client(transport=around) as client:
        for _ in range(2):
            assert client.get(services.url("/cached")).text == "cached"
    assert [line["version"] for line in services.seen()] == ["2"]


@tried("stripe", "RequestsClient(session=)", "a call")
def test_stripe(services, session):
    import stripe

    http = stripe.RequestsClient(session=session)
    http._verify_ssl_certs = False
    client = stripe.StripeClient(
        "sk_test_1", http_client=http, base_addresses={"api": services.url("")}
    )
    http_request = client.v1.customers.retrieve("cus_1")
    assert http_request.id == "cus_1"
    assert services.versions == {"2"}


@tried("twilio", "mount on TwilioHttpClient's session", "a call")
def test_twilio(services, adapter, certificates):
    from twilio.http.http_client import TwilioHttpClient

    client = TwilioHttpClient(pool_connections=True)
    client.session.mount("https://", adapter)
    client.session.trust_env, client.session.verify = False, certificates.authority
    assert client.request("GET", services.url("/seen")).status_code == 200
    assert services.versions == {"2"}


@tried("python-gitlab", "session=", "a call")
def test_python_gitlab(services, session):
    import gitlab

    client = gitlab.Gitlab(
        services.url(""), private_token="t", session=session, ssl_verify=session.verify
    )
    assert client.version() == ("17.0", "1")
    assert services.versions == {"2"}


@tried("PyGithub", "requests.sessions.HTTPAdapter is HTTP20Adapter", "a call")
def test_pygithub(services, certificates, monkeypatch):
    import github
    import requests.adapters

    from hyper.contrib.requests import HTTP20Adapter

    monkeypatch.setattr(requests.sessions, "HTTPAdapter", HTTP20Adapter)
    monkeypatch.setattr(requests.adapters, "HTTPAdapter", HTTP20Adapter)
    client = github.Github(
        auth=github.Auth.Token("t"),
        base_url=services.url(""),
        verify=certificates.authority,
        retry=None,
    )
    assert client.get_user("ann").login == "ann"
    client.close()
    assert services.versions == {"2"}


@tried("pywebpush", "requests_session=", "a push message")
def test_pywebpush(services, session):
    import os

    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from pywebpush import webpush

    def encoded(octets):
        return base64.urlsafe_b64encode(octets).decode().rstrip("=")

    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    subscription = {
        "endpoint": services.url("/push/1"),
        "keys": {"p256dh": encoded(point), "auth": encoded(os.urandom(16))},
    }
    response = webpush(subscription, "hello", requests_session=session)
    assert response.status_code == 201
    assert services.versions == {"2"}


@tried("slack_sdk", "an installed opener of urllib's", "a call")
def test_slack_sdk(services, opener):
    from slack_sdk import WebClient

    client = WebClient(token="t", base_url=services.url("/slack/"))
    assert client.auth_test()["user"] == "ann"
    assert services.versions == {"2"}


@tried("slack_sdk", "ssl=, and http.client.HTTPSConnection is hyper's", "a call")
def test_slack_sdk_with_a_context(services, certificates, monkeypatch):
    import http.client

    from slack_sdk import WebClient

    import hyper

    monkeypatch.setattr(http.client, "HTTPSConnection", hyper.HTTPSConnection)
    context = certificates.client_context()
    client = WebClient(token="t", base_url=services.url("/slack/"), ssl=context)
    assert client.auth_test()["user"] == "ann"
    assert services.versions == {"2"}


@tried("firebase-admin", "mount on the session of its messaging", "send_each of 20 messages")
def test_firebase_admin(services, adapter, certificates, monkeypatch):
    import firebase_admin
    import google.auth.credentials
    from firebase_admin import credentials, messaging

    class Anybody(credentials.Base):
        def get_credential(self):
            return google.auth.credentials.AnonymousCredentials()

    fcm = services.url("/v1/projects/{0}/messages:send")
    monkeypatch.setattr(messaging._MessagingService, "FCM_URL", fcm)
    app = firebase_admin.initialize_app(Anybody(), {"projectId": "p"}, name="trial")
    try:
        session = messaging._get_messaging_service(app)._client.session
        session.mount("https://", adapter)
        session.trust_env, session.verify = False, certificates.authority
        messages = [messaging.Message(token=f"t{number}") for number in range(20)]
        batch = messaging.send_each(messages, app=app)
        assert (batch.success_count, batch.failure_count) == (20, 0)
        assert {each.message_id for each in batch.responses} == {"projects/p/messages/1"}
    finally:
        firebase_admin.delete_app(app)
    lines = services.seen()
    assert [line["version"] for line in lines] == ["2"] * 20


@tried("connecpy", "session=httpx.Client(transport=HTTP20Transport())", "a unary call")
def test_connecpy(services, client):
    import httpx
    from connecpy.client import ConnecpyClientSync
    from connecpy.method import IdempotencyLevel, MethodInfo
    from google.protobuf.wrappers_pb2 import StringValue

    method = MethodInfo(
        name="Say",
        service_name="rpc.Echo",
        input=StringValue,
        output=StringValue,
        idempotency_level=IdempotencyLevel.UNKNOWN,
    )
    with ConnecpyClientSync(services.url(""), session=client(httpx)) as echo:
        answer = echo.execute_unary(request=StringValue(value="hello"), method=method)
    assert answer.value == "hello"
    assert services.versions == {"2"}


@tried("PyJWT", "a token of APNs, by HTTP20Connection", "a hundred notifications, corked")
def test_pyjwt_and_apns(services, certificates):
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec

    import hyper

    key = ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode({"iss": "team", "iat": 1}, key, algorithm="ES256", headers={"kid": "k"})
    fields = {"authorization": f"bearer {token}", "apns-topic": "t"}
    context = certificates.hyper_context()
    with hyper.HTTP20Connection("localhost", services.port, ssl_context=context) as connection:
        with connection.cork():
            ids = [connection.request("POST", "/push/1", b"{}", fields) for _ in range(100)]
        assert {connection.getresponse(each).status for each in ids} == {201}
    assert len(services.seen()) == 100


@tried("apns2", "it imports hyper", "a notification, a batch of 20, a heartbeat")
def test_apns2(services, certificates, monkeypatch):
    from apns2.client import APNsClient, Notification
    from apns2.credentials import Credentials
    from apns2.errors import Unregistered
    from apns2.payload import Payload

    # Its TokenCredentials need PyJWT 1. Its connections are made by this class of theirs.
    credentials = Credentials(certificates.hyper_context())
    monkeypatch.setattr(APNsClient, "LIVE_SERVER", "localhost")
    monkeypatch.setattr(APNsClient, "DEFAULT_PORT", services.port)
    client, payload = APNsClient(credentials), Payload(alert="hello")
    client.send_notification("one", payload, "topic")
    with pytest.raises(Unregistered):
        client.send_notification("gone", payload, "topic")
    tokens = [f"device{number}" for number in range(20)]
    batch = [Notification(token, payload) for token in [*tokens, "gone"]]
    results = client.send_notification_batch(batch, "topic")
    assert results == {**dict.fromkeys(tokens, "Success"), "gone": ("Unregistered", "1")}
    seen = services.seen()
    assert len(seen) == 23
    assert {line["fields"]["apns-push-type"] for line in seen} == {"alert"}
    assert client._connection.ping("-" * 8) > 0  # its heartbeat
    client._connection.close()


@tried("httpx", "HTTP20Transport", "a request; AsyncClient is refused with words")
@tried("httpx2", "HTTP20Transport", "a request; AsyncClient is refused with words")
def test_httpx(services, httpx, client, transport):
    import asyncio

    assert client(httpx).get(services.url("/seen")).json()["version"] == "2"

    async def ask():
        async with httpx.AsyncClient(transport=transport(httpx)):
            pass

    with pytest.raises(TypeError, match=r"asyncio\.to_thread"):
        asyncio.run(ask())
