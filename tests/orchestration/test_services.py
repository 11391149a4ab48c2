"""docker-compose.yml: the same parts as services, nothing beyond loopback, no secret inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

ROOT = Path(__file__).parents[2]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Healthcheck(_Part):
    test: list[str] = Field(min_length=2)
    interval: str = Field(pattern=r"^\d+s$")
    timeout: str = Field(pattern=r"^\d+s$")
    retries: int = Field(ge=1)


class Dependency(_Part):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]
    required: bool = True


class EnvFile(_Part):
    path: str
    required: bool = True


class Service(_Part):
    build: str | None = None
    image: str
    network_mode: str | None = None
    restart: Literal["unless-stopped", "always", "on-failure", "no"] | None = None
    init: bool = False
    profiles: list[str] = []
    env_file: list[EnvFile] = []
    environment: dict[str, str] = {}
    command: list[str] | None = None
    volumes: list[str] = []
    ports: list[str] = []
    healthcheck: Healthcheck
    depends_on: dict[str, Dependency] = {}


class Compose(BaseModel):
    """What of the compose specification the file uses; keys with ``x-`` are free."""

    model_config = ConfigDict(extra="allow")
    name: str
    services: dict[str, Service]
    volumes: dict[str, dict[str, Any] | None]

    @model_validator(mode="after")
    def _names_exist(self) -> Compose:
        assert all(key.startswith("x-") for key in self.model_extra or {})
        for service in self.services.values():
            assert set(service.depends_on) <= set(self.services)
            if service.network_mode:
                assert service.network_mode.removeprefix("service:") in self.services
                assert not service.ports, "ports belong to the owner of the network namespace"
            for volume in service.volumes:
                assert volume.split(":")[0] in self.volumes
        return self


def compose() -> Compose:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return Compose.model_validate(yaml.safe_load(text))


def test_the_same_parts_run_as_services() -> None:
    assert set(compose().services) == {"postgres", "sandbox", "webserver", "daemon"}


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in compose().services.values() for port in service.ports]
    assert sorted(published) == ["127.0.0.1:3000:3000", "127.0.0.1:8787:8787"]


def test_secrets_come_from_the_environment_and_have_no_default() -> None:
    found = compose()
    password = found.services["postgres"].environment["POSTGRES_PASSWORD"]
    assert password.startswith("${DAGSTER_POSTGRES_PASSWORD:?")
    for name in ("webserver", "daemon"):
        url = found.services[name].environment["HEADWATER_DAGSTER_STORAGE_URL"]
        assert "${DAGSTER_POSTGRES_PASSWORD:?" in url


def test_the_image_copies_folders_that_exist() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
