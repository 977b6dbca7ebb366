"""A real registry tells a running service of pushes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from assay.domain.reference import Repository
from demo.admission import review_of_pod, send_review
from demo.stack import Stack, free_port, run_assay
from demo.variant import Workbench
from tests.fixtures.polling import eventually
from tests.fixtures.registries import distribution
from tests.fixtures.stacks import MakeSpare, Spare, copy_image

TOKEN = "the token of the registry in the tests"
NEXT = "the token that follows it after a rotation"
PATH = "/v1/notifications/main"


@dataclass(frozen=True, kw_only=True)
class Notified:
    """A stack that Distribution, at `host`, notifies; an image of `released` is at `host/age` once it is copied."""

    spare: Spare
    host: str
    url: str

    @property
    def stack(self) -> Stack:
        return self.spare.stack

    def review(self) -> dict[str, Any]:
        return send_review(self.stack, "validate", review_of_pod(self.image))

    @property
    def image(self) -> str:
        return f"{self.host}/age:1.3.2@{self.spare.released.digest}"

    def counted(self, kind: str, outcome: str) -> bool:
        text = requests.get(f"{self.stack.service_url}/metrics", timeout=10).text
        return f'assay_notifications_total{{kind="{kind}",outcome="{outcome}"}}' in text


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
    with distribution(folder, section=endpoint(f"http://{address}")) as host:
        source = f"name: main, kind: distribution, registry: '{host}', secrets: [{folder / 'token'}, {folder / 'next'}]"
        section = f"notifications: {{listen: {address}, sources: [{{{source}}}]}}\n"
        spare = make_spare(settings=f"{section}cache: {{denial_seconds: 60}}\n")
        spare.stack.contacted, spare.stack.allowed = (host,), (f"{host}/age",)
        spare.stack.start()
        yield Notified(spare=spare, host=host, url=f"http://{address}{PATH}")


def push_unsigned(notified: Notified, bench: Workbench) -> None:
    repository = Repository(registry=notified.host, path="age")
    copy_image(bench, notified.spare.released.digest, repository)


@pytest.mark.tools
def test_a_denial_ends_when_the_registry_tells_of_what_was_missing(notified: Notified, bench: Workbench) -> None:
    push_unsigned(notified, bench)
    eventually(lambda: notified.counted("distribution", "taken"), "the registry told of the image")
    assert not notified.review()["allowed"]
    run_assay("copy", notified.spare.released.pinned, f"{notified.host}/age:1.3.2")
    eventually(lambda: notified.review()["allowed"], "what was pushed is found before the denial has ended by itself")


@pytest.mark.tools
def test_who_shows_no_secret_is_answered_with_a_problem(notified: Notified) -> None:
    answer = requests.post(notified.url, data=b"{}", headers={"Authorization": "Bearer of nothing"}, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (401, "caller_unknown")
    assert notified.counted("distribution", "refused")


@pytest.mark.tools
def test_two_secrets_count_while_one_follows_the_other(notified: Notified) -> None:
    headers = {"Authorization": f"Bearer {NEXT}", "Content-Type": "application/vnd.docker.distribution.events.v1+json"}
    answer = requests.post(notified.url, data=b'{"events": []}', headers=headers, timeout=10)
    assert (answer.status_code, answer.json()) == (202, {"events": 0, "ignored": 0})
