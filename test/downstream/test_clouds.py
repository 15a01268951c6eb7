"""Clients of clouds, clusters and databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from test.downstream.conftest import tried


@pytest.fixture
def made(aws, certificates):
    """A client of AWS: `made("s3")`; the versions of HTTP of its answers are in `made.versions`."""
    import boto3

    from hyper.contrib.botocore import use_http2

    def make(service):
        client = boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=aws.url(""),
            verify=certificates.authority,
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )
        use_http2(client)
        client.meta.events.register("after-call", note)
        return client

    def note(http_response, **_):
        make.versions.add(http_response.headers.get("x-http-version", http_response))

    make.versions = set()
    return make


@tried("boto3", "hyper.contrib.botocore.use_http2", "S3: put, get, multipart, errors, threads")
def test_boto3_s3(made, tmp_path):
    client = made("s3")
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="k", Body=b"octets")
    assert client.get_object(Bucket="bucket", Key="k")["Body"].read() == b"octets"
    large = tmp_path / "large"
    large.write_bytes(b"x" * (9 << 20))
    client.upload_file(str(large), "bucket", "large")
    assert client.get_object(Bucket="bucket", Key="large")["ContentLength"] == 9 << 20
    with pytest.raises(client.exceptions.NoSuchKey):
        client.get_object(Bucket="bucket", Key="none")
    with ThreadPoolExecutor(4) as threads:
        list(
            threads.map(
                lambda n: client.put_object(Bucket="bucket", Key=f"k{n}", Body=b"x"), range(8)
            )
        )
    assert len(client.list_objects_v2(Bucket="bucket")["Contents"]) == 10
    assert made.versions == {"2"}


@tried("botocore", "hyper.contrib.botocore.use_http2", "DynamoDB and SQS")
def test_botocore_json_and_query(made):
    client = made("dynamodb")
    client.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName="t", Item={"id": {"S": "1"}})
    assert client.get_item(TableName="t", Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
    queues = made("sqs")
    url = queues.create_queue(QueueName="q")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="hello")
    assert queues.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"
    assert made.versions == {"2"}


@tried("botocore", "AWSHTTPSConnectionPool.ConnectionCls", "all clients made from then on")
def test_botocore_everywhere(aws, certificates, monkeypatch):
    import boto3
    from botocore.awsrequest import AWSHTTPSConnectionPool

    from hyper.contrib.botocore import HTTP20AWSConnection

    monkeypatch.setattr(AWSHTTPSConnectionPool, "ConnectionCls", HTTP20AWSConnection)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=aws.url(""), verify=certificates.authority, **keys)
    answer = client.list_buckets()["ResponseMetadata"]["HTTPHeaders"]
    assert answer["x-http-version"] == "2"


@tried("elasticsearch", "node_class=HTTP20Node", "info, search")
def test_elasticsearch(services, certificates):
    from elasticsearch import Elasticsearch

    from hyper.contrib.elastic_transport import HTTP20Node

    with Elasticsearch(
        services.url(""), node_class=HTTP20Node, ca_certs=certificates.authority
    ) as client:
        assert client.info()["cluster_name"] == "c"
        assert client.search(index="index", query={"match_all": {}})["hits"]["total"]["value"] == 1
    assert services.versions == {"2"}


@tried("elastic-transport", "HTTP20Node", "a request; a wrong fingerprint is refused")
@pytest.mark.parametrize("is_right", [True, False])
def test_elastic_transport(services, certificates, is_right):
    import hashlib
    import ssl

    from elastic_transport import NodeConfig, TlsError, Transport

    from hyper.contrib.elastic_transport import HTTP20Node

    text = Path(certificates.server.certificate).read_text().partition("-----END")[0]
    der = ssl.PEM_cert_to_DER_cert(text + "-----END CERTIFICATE-----\n")
    fingerprint = hashlib.sha256(der).hexdigest() if is_right else "00" * 32
    node = NodeConfig(
        "https", "localhost", services.port, ssl_assert_fingerprint=fingerprint, verify_certs=False,
        ssl_show_warn=False,
    )  # fmt: skip
    transport = Transport([node], node_class=HTTP20Node, max_retries=0)
    if is_right:
        assert transport.perform_request("GET", "/seen").body["version"] == "2"
        return
    with pytest.raises(TlsError):
        transport.perform_request("GET", "/seen")


@tried("opensearch-py", "urllib3's class attribute", "info")
def test_opensearch(services, certificates, monkeypatch):
    import urllib3
    from opensearchpy import OpenSearch

    from hyper.contrib.urllib3 import HTTP20SecureConnection

    monkeypatch.setattr(urllib3.HTTPSConnectionPool, "ConnectionCls", HTTP20SecureConnection)
    client = OpenSearch(services.url(""), ca_certs=certificates.authority)
    assert client.info()["cluster_name"] == "c"
    client.close()
    assert services.versions == {"2"}


@tried("kubernetes", "pool_classes_by_scheme of its REST client", "list, watch, threads")
def test_kubernetes(services, certificates):
    import kubernetes

    from hyper.contrib.urllib3 import POOL_CLASSES

    configuration = kubernetes.client.Configuration(host=services.url(""))
    configuration.ssl_ca_cert = certificates.authority
    with kubernetes.client.ApiClient(configuration) as client:
        client.rest_client.pool_manager.pool_classes_by_scheme = POOL_CLASSES
        api = kubernetes.client.CoreV1Api(client)
        assert [each.metadata.name for each in api.list_namespace().items] == ["default"]
        watch = kubernetes.watch.Watch()
        events = []
        for event in watch.stream(api.list_namespace):
            events.append(event["type"])
            if len(events) == 3:
                watch.stop()
        assert events == ["ADDED"] * 3
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: api.list_namespace(), range(8)))
        client.rest_client.pool_manager.clear()
    assert services.versions == {"2"}


@tried("influxdb-client", "urllib3's class attribute", "write, query")
def test_influxdb(services, certificates, monkeypatch):
    import urllib3
    from influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import SYNCHRONOUS

    from hyper.contrib.urllib3 import HTTP20SecureConnection

    monkeypatch.setattr(urllib3.HTTPSConnectionPool, "ConnectionCls", HTTP20SecureConnection)
    with InfluxDBClient(
        services.url(""), token="t", org="o", ssl_ca_cert=certificates.authority
    ) as client:
        client.write_api(write_options=SYNCHRONOUS).write("b", record="m v=1.5")
        tables = client.query_api().query('from(bucket: "b")')
        assert tables[0].records[0].get_value() == 1.5
    assert services.versions == {"2"}


@tried(
    "google-auth", "mount on AuthorizedSession; POOL_CLASSES on its manager", "refresh and calls"
)
def test_google_auth(services, adapter, session, manager):
    import google.auth.transport.urllib3 as by_urllib3
    from google.auth.transport.requests import AuthorizedSession, Request
    from google.oauth2.credentials import Credentials

    def credentials():
        return Credentials(
            None,
            refresh_token="r",
            token_uri=services.url("/token"),
            client_id="c",
            client_secret="s",
        )

    with AuthorizedSession(credentials(), auth_request=Request(session)) as authorized:
        authorized.mount("https://", adapter)
        authorized.verify = session.verify
        answer = authorized.get(services.url("/seen")).json()
        assert answer["fields"]["authorization"] == "Bearer t"
    http = by_urllib3.AuthorizedHttp(credentials(), http=manager)
    assert http.urlopen("GET", services.url("/seen")).status == 200
    assert services.versions == {"2"}


@tried("google-cloud-storage", "_http=, a session", "upload, download")
def test_google_cloud_storage(services, session):
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    session.is_mtls = False
    client = storage.Client(
        project="p",
        credentials=AnonymousCredentials(),
        _http=session,
        client_options={"api_endpoint": services.url("")},
    )
    blob = client.bucket("b").blob("o")
    blob.upload_from_string(b"hello")
    assert blob.download_as_bytes() == b"hello"
    assert services.versions == {"2"}


@tried("azure-core", "RequestsTransport(session=)", "a call, and a stream of 1 MiB")
def test_azure_core(services, session):
    from azure.core import PipelineClient
    from azure.core.pipeline.transport import RequestsTransport
    from azure.core.rest import HttpRequest

    transport = RequestsTransport(session=session, session_owner=False)
    with PipelineClient(services.url(""), transport=transport) as client:
        options = {"connection_verify": session.verify}
        assert client.send_request(HttpRequest("GET", services.url("/seen")), **options).json()
        request = HttpRequest("POST", services.url("/echo"), content=b"x" * (1 << 20))
        response = client.send_request(request, stream=True, **options)
        assert sum(map(len, response.iter_bytes())) == 1 << 20
    assert services.versions == {"2"}


@tried("hvac", "session=", "a call")
def test_hvac(services, session):
    import hvac

    client = hvac.Client(services.url(""), token="t", session=session, verify=session.verify)
    assert client.sys.read_health_status(method="GET")["sealed"] is False
    assert services.versions == {"2"}
