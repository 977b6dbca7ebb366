"""A gate that answers with one verdict, and a registry that keeps the order of what is pushed."""

import json

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import Verdict
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.gate import GateAnswer, GateQuestion
from assay.domain.reference import Repository
from assay.ports import Amend

REPOSITORY = Repository(registry="registry.example", path="demo")


class FakeGate:
    """Answers with one verdict; `changes` makes the answer speak about something else."""

    def __init__(self, verdict: Verdict, *, repository: Repository = REPOSITORY, digest: Digest | None = None) -> None:
        self._verdict = verdict
        self._repository = repository
        self._digest = digest
        self.questions: list[GateQuestion] = []

    def ask(self, question: GateQuestion, deadline: Deadline) -> GateAnswer:
        assert deadline.remaining("the gate") > 0
        self.questions.append(question)
        return GateAnswer(
            decision_id="01",
            verdict=self._verdict,
            retryable=False,
            artefact=Artefact(repository=self._repository, digest=self._digest or question.artefact.digest),
            environment=question.environment,
            findings=(),
            gaps=(),
            rejected=(),
            leaf=b"",
            index=0,
            proof="",
        )


class RecordingRegistry:
    """Keeps what is pushed, in order, and refuses a manifest that names what is not there yet."""

    def __init__(self) -> None:
        self.pushed: list[str] = []
        self._there: set[str] = set()

    def push_blob(self, repository: Repository, content: bytes | Content, deadline: Deadline) -> Descriptor:
        deadline.remaining("a blob")
        octets = content.octets if isinstance(content, Content) else content
        return self._keep("blob", repository, octets, "application/octet-stream")

    def push_manifest(
        self, repository: Repository, manifest: bytes, media_type: str, deadline: Deadline, *, tag: str = ""
    ) -> Descriptor:
        deadline.remaining("a manifest")
        document = json.loads(manifest)
        subject = [document["subject"]] if "subject" in document else []
        for named in (document["config"], *document["layers"], *subject):
            assert named["digest"] in self._there
        return self._keep(f"tag {tag}" if tag else "manifest", repository, manifest, media_type)

    def amend_tag(self, repository: Repository, tag: str, amend: Amend, deadline: Deadline) -> Content:
        raise AssertionError(f"a build amends no tag: {repository}:{tag}, {amend}, {deadline}")

    def _keep(self, what: str, repository: Repository, content: bytes, media_type: str) -> Descriptor:
        assert repository == REPOSITORY
        digest = Digest.of(content)
        self._there.add(str(digest))
        self.pushed.append(what)
        return Descriptor(media_type=media_type, digest=digest, size=len(content))
