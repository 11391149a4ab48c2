"""Files of events in a bucket, read from an S3 server that others made (moto)."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from connectors.run import LoadResult, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError, SettingsError, VendorUnavailableError
from headwater.settings import Settings
from tests.connectors.event_folder import numbered

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
SECRET = "se/cr+et="


@dataclass
class Bucket:
    client: Any
    url: str

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket="company", Key=key, Body=content)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="AKIAREADER",
        aws_secret_access_key=SECRET,
    )
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=5).raise_for_status()
    client.create_bucket(Bucket="company")
    options = f"?region=us-east-1&scheme=http&endpoint_override={quote(f'{host}:{port}')}"
    monkeypatch.setenv("EVENT_FILES_LOCATION", f"s3://company/events{options}")
    monkeypatch.setenv("EVENT_FILES_ACCESS_KEY_ID", "AKIAREADER")
    monkeypatch.setenv("EVENT_FILES_SECRET_ACCESS_KEY", SECRET)
    try:
        yield Bucket(client, f"http://{host}:{port}")
    finally:
        server.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var")


def run(settings: Settings) -> LoadResult:
    [result] = run_source("event_files", settings, FixedClock(AS_OF), "cycle")
    return result


def test_objects_below_the_path_are_read_once_and_again_when_they_change(
    bucket: Bucket, settings: Settings
) -> None:
    bucket.put("events/2025/08/28/a.json.gz", gzip.compress(numbered([1, 2])))
    bucket.put("events/b.ndjson", numbered([3]))
    bucket.put("elsewhere/c.json", numbered([4]))
    assert (run(settings).landed, run(settings).received) == (3, 0)
    bucket.put("events/b.ndjson", numbered([3, 5]))
    again = run(settings)
    assert (again.received, again.landed, again.duplicates) == (2, 1, 1)


def test_a_bucket_path_without_objects_is_said_first(bucket: Bucket, settings: Settings) -> None:
    bucket.put("elsewhere/c.json", numbered([4]))
    with pytest.raises(SettingsError, match="s3://company/events is not there"):
        run(settings)


def test_keys_that_the_store_refuses_are_said_without_the_secret(
    bucket: Bucket, settings: Settings
) -> None:
    bucket.put("events/a.json", numbered([1]))
    requests.post(f"{bucket.url}/moto-api/reset-auth", data=b"0", timeout=5).raise_for_status()
    try:
        with pytest.raises(CredentialError, match="EVENT_FILES_ACCESS_KEY_ID") as caught:
            run(settings)
    finally:
        requests.post(f"{bucket.url}/moto-api/reset-auth", data=b"inf", timeout=5)
    assert SECRET not in str(caught.value)
    assert not settings.warehouse.exists()


def test_a_store_that_does_not_answer_may_answer_later(
    bucket: Bucket, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("events/a.json", numbered([1]))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = quote(f"127.0.0.1:{unused.getsockname()[1]}")
        options = f"?region=us-east-1&scheme=http&endpoint_override={nobody}"
        monkeypatch.setenv("EVENT_FILES_LOCATION", f"s3://company/events{options}")
        with pytest.raises(VendorUnavailableError, match="s3://company/events"):
            run(settings)
