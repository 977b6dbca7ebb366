"""Stage 5, gate: the verification service decides; nothing leaves without its allow."""

from dataclasses import dataclass

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import Verdict
from assay.domain.errors import InvalidInput
from assay.domain.gate import Candidate, GateAnswer, GateQuestion
from assay.domain.reference import Repository
from assay.ports import Gate
from assay_builder.parts import Progress
from assay_builder.stages.attest import Attested


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """An image and the answer about it: bound to exactly this image, repository and environment."""

    attested: Attested
    answer: GateAnswer

    def __post_init__(self) -> None:
        asked = self.attested.isolated.image.digest
        environment = self.attested.isolated.ingested.plan.spec.environment
        if self.answer.artefact.digest != asked or self.answer.environment != environment:
            raise _other_answer(str(asked))

    @property
    def allowed(self) -> bool:
        """Whether the image may be published."""
        return self.answer.verdict is Verdict.ALLOW


def run(
    attested: Attested, *, gate: Gate, repository: Repository, tag: str, deadline: Deadline, progress: Progress
) -> Gated:
    """Ask the gate about the image that is pushed nowhere yet.

    Raises what the gate raises, and `InvalidInput(gate_answer_mismatch)` for an answer about anything else.
    """
    image = attested.isolated.image
    artefact = Artefact(repository=repository, digest=image.digest, tag=tag)
    candidate = Candidate(
        manifest=image.manifest.octets,
        media_type=image.manifest.media_type,
        config=image.config.octets,
        bundles=tuple(item.bundle for item in attested.bundles),
    )
    environment = attested.isolated.ingested.plan.spec.environment
    answer = gate.ask(GateQuestion(artefact=artefact, environment=environment, evidence=candidate), deadline)
    if answer.artefact.repository != repository:
        raise _other_answer(repository.name)
    gated = Gated(attested=attested, answer=answer)
    progress("gate", f"{answer.verdict.value} for {environment}, decision {answer.decision_id}")
    return gated


def _other_answer(asked: str) -> InvalidInput:
    return InvalidInput(
        "gate_answer_mismatch",
        f"the gate answered for something else than {asked}",
        remedy="check which service the gate's address leads to",
    )
