"""The objects of a cluster in memory."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable

ALICE: dict[str, object] = {"status": {"userInfo": {"username": "alice"}}}


@dataclass
class FakeObjects:
    """Implements the port `ClusterObjects`; `meddle` is called behind each replacement."""

    objects: dict[str, dict[str, object]] = field(default_factory=dict)
    review: dict[str, object] = field(default_factory=lambda: ALICE)
    replaced: list[str] = field(default_factory=list)
    meddle: Callable[["FakeObjects"], None] = lambda _: None

    def get(self, path: str, deadline: Deadline) -> dict[str, object] | None:
        deadline.remaining("the test")
        return copy.deepcopy(self.objects.get(path))

    def replace(self, path: str, document: Mapping[str, object], deadline: Deadline) -> None:
        deadline.remaining("the test")
        if path not in self.objects:
            raise Unavailable("cluster_unavailable", "the object is gone", remedy="repeat")
        self.objects[path] = copy.deepcopy(dict(document))
        self.replaced.append(path)
        self.meddle(self)

    def create(self, path: str, document: Mapping[str, object], deadline: Deadline) -> dict[str, object]:
        deadline.remaining("the test")
        assert path == "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        assert document["kind"] == "SelfSubjectReview"
        return self.review
