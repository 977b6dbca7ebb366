"""Notifications as registries send them, to change one thing at a time."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.notification import NotificationSource, SourceKind

DIGEST = Digest.of(b"pushed")
ECR_HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
SECRET = b"correct horse battery staple"

DISTRIBUTION: Mapping[str, Any] = {
    "events": [
        {
            "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
            "timestamp": "2026-11-20T10:00:00.123456789Z",
            "action": "push",
            "target": {
                "mediaType": OCI_MANIFEST,
                "size": 708,
                "digest": DIGEST.text,
                "length": 708,
                "repository": "team/app",
                "url": "https://registry.example/v2/team/app/manifests/x",
                "tag": "v1",
            },
            "request": {"id": "6df24a34", "addr": "192.0.2.1:64961", "host": "registry.example", "method": "PUT"},
            "actor": {},
            "source": {"addr": "node:5000", "instanceID": "a53db899"},
        }
    ]
}
_HARBOR_EVENT: Mapping[str, Any] = {
    "resources": [{"digest": DIGEST.text, "tag": "v1", "resource_url": "registry.example/team/app:v1"}],
    "repository": {"name": "app", "namespace": "team", "repo_full_name": "team/app", "repo_type": "private"},
}
HARBOR: Mapping[str, Any] = {
    "type": "PUSH_ARTIFACT",
    "occur_at": 1795168800,
    "operator": "admin",
    "event_data": _HARBOR_EVENT,
}
HARBOR_CLOUD: Mapping[str, Any] = {
    "specversion": "1.0",
    "id": "66e18103-09c1-41f6-982f-37df223f3eeb",
    "source": "/projects/2/webhook/policies/15",
    "type": "harbor.artifact.pushed",
    "datacontenttype": "application/json",
    "time": "2026-11-20T10:00:00Z",
    "data": _HARBOR_EVENT,
    "operator": "admin",
}
EVENTBRIDGE: Mapping[str, Any] = {
    "version": "0",
    "id": "13cde686-328b-6117-af20-0e5566167482",
    "detail-type": "ECR Image Action",
    "source": "aws.ecr",
    "account": "123456789012",
    "time": "2026-11-20T10:00:00Z",
    "region": "eu-central-1",
    "resources": [],
    "detail": {
        "result": "SUCCESS",
        "repository-name": "team/app",
        "image-digest": DIGEST.text,
        "action-type": "PUSH",
        "image-tag": "v1",
    },
}
GITHUB: Mapping[str, Any] = {
    "action": "published",
    "package": {
        "name": "app",
        "namespace": "Team",
        "ecosystem": "CONTAINER",
        "package_type": "CONTAINER",
        "package_version": {
            "version": DIGEST.text,
            "created_at": "0001-01-01T00:00:00Z",
            "container_metadata": {"tag": {"name": "v1", "digest": DIGEST.text}, "labels": {}},
            "package_url": "ghcr.io/Team/app:v1",
        },
    },
    "sender": {"login": "octocat"},
}


def source_of(kind: SourceKind, *prefixes: str) -> NotificationSource:
    hosts = {SourceKind.EVENTBRIDGE: ECR_HOST, SourceKind.GITHUB: "ghcr.io"}
    return NotificationSource(
        name=kind.value, kind=kind, registry=hosts.get(kind, "registry.example"), prefixes=prefixes
    )


def written(document: Mapping[str, Any], *path: str | int, to: object = None) -> bytes:
    """The document as bytes, with one member replaced; None removes it."""
    changed: Any = copy.deepcopy(dict(document))
    if path:
        inner: Any = changed
        for step in path[:-1]:
            inner = inner[step]
        if to is None:
            del inner[path[-1]]
        else:
            inner[path[-1]] = to
    return json.dumps(changed).encode()
