"""A real registry tells a running service of pushes."""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from assay.domain.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from assay.domain.digest import Digest
from assay.domain.reference import Repository
from demo.admission import review_of_pod, send_review
from demo.stack import Stack, free_port, run_assay
from demo.variant import Workbench
from tests.fakes.http_server import Script, answering
from tests.fakes.loopback_certificate import write_loopback_certificate
from tests.fixtures.polling import eventually
from tests.fixtures.registries import distribution
from tests.fixtures.stacks import MakeSpare, Spare, copy_image

TOKEN = "the token of the registry in the tests"
NEXT = "the token that follows it after a rotation"
PATH = "/v1/notifications/main"
TAKEN = 'assay_notifications_total{kind="distribution",outcome="taken"}'
REFUSED = 'assay_notifications_total{kind="distribution",outcome="refused"}'
FROM_STORE = 'assay_cache_events_total{layer="store",outcome="hit"}'


@dataclass(frozen=True, kw_only=True)
class Notified:
    """A stack that Distribution, at `host`, notifies; an image of `released` is at `host/age` once it is copied."""

    spare: Spare
    host: str
    url: str
    owner: Script

    @property
    def stack(self) -> Stack:
        return self.spare.stack

    def review(self) -> dict[str, Any]:
        return send_review(self.stack, "validate", review_of_pod(self.image))

    @property
    def image(self) -> str:
        return f"{self.host}/age:1.3.2@{self.spare.released.digest}"

    def review_tag(self) -> dict[str, Any]:
        return send_review(self.stack, "mutate", review_of_pod(f"{self.host}/release:v1"))

    def code(self) -> str:
        return str(self.review_tag()["auditAnnotations"].get("code", ""))

    def incidents(self) -> list[dict[str, Any]]:
        shown = run_assay("incidents", "show", "--config", str(self.stack.configuration), "--output", "json").stdout
        found: list[dict[str, Any]] = json.loads(shown)["incidents"]
        return found

    def counted(self, metric: str) -> float:
        lines = requests.get(f"{self.stack.service_url}/metrics", timeout=10).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(metric))

    def kept(self, path: str) -> list[str]:
        shown = run_assay("cache", "show", "--config", str(self.stack.configuration), "--output", "json").stdout
        verdicts: list[dict[str, str]] = json.loads(shown)["verdicts"]
        return [item["verdict"] for item in verdicts if item["repository"] == f"{self.host}/{path}"]


def endpoint(url: str) -> str:
    headers = json.dumps({"Authorization": [f"Bearer {TOKEN}"]})
    settings = f"name: assay, url: '{url}{PATH}', headers: {headers}, timeout: 5s, threshold: 10, backoff: 100ms"
    return f"notifications: {{endpoints: [{{{settings}}}]}}"


@pytest.fixture(scope="module")
def notified(make_spare: MakeSpare, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notified]:
    folder = tmp_path_factory.mktemp("notified")
    address = f"127.0.0.1:{free_port()}"
    for name, token in (("token", TOKEN), ("next", NEXT)):
        (folder / name).write_text(token)
        (folder / name).chmod(0o600)
    certificate = write_loopback_certificate(folder)
    owner = answering(Script(status=204, body=b""), certificate=certificate)
    with distribution(folder, section=endpoint(f"http://{address}")) as host, owner as script:
        source = f"name: main, kind: distribution, registry: '{host}', secrets: [{folder / 'token'}, {folder / 'next'}]"
        section = f"notifications: {{listen: {address}, sources: [{{{source}}}]}}\n"
        rule = f"repository: '{host}/release', tags: ['v*'], owner: platform"
        told = f"name: platform, url: '{script.url}/hook', secret: {folder / 'token'}, ca: {certificate[0]}"
        tags = f"immutable_tags: {{rules: [{{{rule}}}], owners: [{{{told}}}]}}\n"
        spare = make_spare(settings=f"{section}{tags}cache: {{denial_seconds: 60}}\n")
        spare.stack.contacted, spare.stack.allowed = (host,), (f"{host}/age", f"{host}/release", f"{host}/warm")
        spare.stack.covering += ("prewarm: {images: 100}",)
        spare.stack.start()
        yield Notified(spare=spare, host=host, url=f"http://{address}{PATH}", owner=script)


def push_unsigned(notified: Notified, bench: Workbench) -> None:
    repository = Repository(registry=notified.host, path="age")
    copy_image(bench, notified.spare.released.digest, repository)


def push_another(notified: Notified, bench: Workbench, tag: str = "v1") -> Digest:
    """Push another image, which nobody signed, under a tag of `release`."""
    repository, config = Repository(registry=notified.host, path="release"), b'{"architecture": "amd64", "os": "linux"}'
    layers = [bench.registry.push_blob(repository, b"another layer", bench.deadline())]
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(bench.registry.push_blob(repository, config, bench.deadline()), OCI_CONFIG),
        "layers": [described(layer, OCI_LAYER_GZIP) for layer in layers],
    }
    octets = json.dumps(manifest).encode()
    return bench.registry.push_manifest(repository, octets, OCI_MANIFEST, bench.deadline(), tag=tag).digest


def described(blob: Descriptor, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": blob.digest.text, "size": blob.size}


@pytest.mark.tools
def test_a_denial_ends_when_the_registry_tells_of_what_was_missing(notified: Notified, bench: Workbench) -> None:
    push_unsigned(notified, bench)
    eventually(lambda: notified.counted(TAKEN), "the registry told of the image")
    assert not notified.review()["allowed"]
    run_assay("copy", notified.spare.released.pinned, f"{notified.host}/age:1.3.2")
    eventually(lambda: notified.review()["allowed"], "what was pushed is found before the denial has ended by itself")


@pytest.mark.tools
def test_what_was_pushed_is_verified_before_anybody_asks(notified: Notified) -> None:
    digest = notified.spare.released.digest
    run_assay("copy", notified.spare.released.pinned, f"{notified.host}/warm:v1")
    eventually(lambda: "allow" in notified.kept("warm"), "the image was verified")
    before = notified.counted(FROM_STORE)
    response = send_review(notified.stack, "validate", review_of_pod(f"{notified.host}/warm:v1@{digest}"))
    assert response["allowed"]
    assert notified.counted(FROM_STORE) > before


@pytest.mark.tools
def test_who_shows_no_secret_is_answered_with_a_problem(notified: Notified) -> None:
    answer = requests.post(notified.url, data=b"{}", headers={"Authorization": "Bearer of nothing"}, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (401, "caller_unknown")
    assert notified.counted(REFUSED)


@pytest.mark.tools
def test_two_secrets_count_while_one_follows_the_other(notified: Notified) -> None:
    headers = {"Authorization": f"Bearer {NEXT}", "Content-Type": "application/vnd.docker.distribution.events.v1+json"}
    answer = requests.post(notified.url, data=b'{"events": []}', headers=headers, timeout=10)
    assert (answer.status_code, answer.json()) == (202, {"events": 0, "ignored": 0})


@pytest.mark.tools
def test_a_moved_tag_is_denied_recorded_and_told_to_its_owner(notified: Notified, bench: Workbench) -> None:
    configuration = ("--config", str(notified.stack.configuration))
    run_assay("copy", notified.spare.released.pinned, f"{notified.host}/release:v1")
    assert notified.review_tag()["allowed"]
    moved = push_another(notified, bench)
    eventually(notified.incidents, "the registry told of the push")
    assert notified.code() == "tag_moved"
    eventually(lambda: notified.owner.seen, "the owner heard of it")
    _, _, headers, body = notified.owner.seen[0]
    assert headers["x-assay-signature-256"] == f"sha256={hmac.digest(TOKEN.encode(), body, 'sha256').hex()}"
    (incident,) = notified.incidents()
    assert json.loads(body) == incident
    assert (incident["known"], incident["found"]) == (notified.spare.released.digest.text, moved.text)
    listed = notified.stack.service_url + "/v1/decisions?kind=incident"
    assert [item["verdict"] for item in requests.get(listed, timeout=10).json()["decisions"]] == ["deny"]
    image = f"{notified.host}/release:v1@{moved}"
    run_assay("incidents", "accept", *configuration, "--by", "alice", "--reason", "it is meant", image)
    assert notified.code() != "tag_moved"
    assert requests.get(f"{notified.stack.service_url}/v1/log/verification", timeout=30).json()["damages"] == []


@pytest.mark.tools
def test_an_owner_who_was_deaf_hears_of_a_move_also_after_a_restart(notified: Notified, bench: Workbench) -> None:
    run_assay("copy", notified.spare.released.pinned, f"{notified.host}/release:v2")
    notified.owner.status = 503
    push_another(notified, bench, tag="v2")
    eventually(lambda: told(notified, "v2"), "the owner was told in vain")
    notified.stack.stop_service()
    notified.owner.status = 204
    before = len(told(notified, "v2"))
    notified.stack.start_service()
    heard = eventually(lambda: told(notified, "v2")[before:], "the owner was told again")
    (moved,) = [item for item in notified.incidents() if item["tag"] == "v2"]
    assert heard[0] == moved


def told(notified: Notified, tag: str) -> list[dict[str, Any]]:
    """What the owner was told of this tag, each time."""
    return [incident for _, _, _, body in notified.owner.seen if (incident := json.loads(body))["tag"] == tag]
