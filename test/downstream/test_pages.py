"""The blocks of docs/ about AWS, Elasticsearch and protobuf, as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.page_servers import World
from test.test_pages import ROOT, blocks


@pytest.fixture
def cloud(aws, certificates, monkeypatch, tmp_path):
    """The environment by which a program finds its cloud: moto's, behind hypercorn."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws.url(""),
        "AWS_CA_BUNDLE": certificates.authority,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    Path("http_ca.crt").write_bytes(Path(certificates.authority).read_bytes())
    Path("big.bin").write_bytes(bytes(9 << 20))


def blocks_with(page, word):
    return [code for code in blocks(ROOT / "docs" / f"{page}.rst") if word in code]


def test_the_recipe_of_s3_stores_a_file_over_http2(cloud, capsys):
    import boto3

    boto3.client("s3").create_bucket(Bucket="bucket")
    (recipe,) = blocks_with("recipes", "boto3")
    names = {}
    exec(compile(recipe, "recipes.rst", "exec"), names)
    assert capsys.readouterr().out == f"{9 << 20}\n"
    answer = names["s3"].list_buckets()["ResponseMetadata"]["HTTPHeaders"]
    assert answer["x-http-version"] == "2"


def test_the_recipe_of_grpc_sends_messages_of_protobuf(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    (recipe,) = blocks_with("recipes", "protobuf")
    with World(monkeypatch, tmp_path) as world:
        exec(compile(recipe, "recipes.rst", "exec"), {})
    assert capsys.readouterr().out == "hello\n"
    assert world.errors == []


def test_the_blocks_about_botocore_and_elasticsearch_run(cloud, monkeypatch):
    from botocore.awsrequest import AWSHTTPSConnectionPool

    monkeypatch.setattr(
        AWSHTTPSConnectionPool, "ConnectionCls", AWSHTTPSConnectionPool.ConnectionCls
    )
    found = [
        code
        for word in ("boto", "elastic")
        for code in blocks_with("integrations", f"import {word}")
    ]
    found += blocks_with("integrations", "from botocore") + blocks_with(
        "integrations", "from elastic"
    )
    assert len(found) == 3
    for code in found:
        exec(compile(code, "integrations.rst", "exec"), {})
