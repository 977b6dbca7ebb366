"""The provider as its workers build it, with nothing running behind it: nothing is allowed."""

import pytest

from assay.bootstrap.provider import provider_parts_from_environment
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, Unavailable
from assay.domain.provider import ProviderQuestion, Purpose
from assay.domain.reference import Reference
from tests.unit.bootstrap.conftest import CONFIGURATION, PROVIDER, Write
from tests.unit.bootstrap.test_applications import prepare


def test_a_question_without_a_log_has_no_answer(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    prepare(monkeypatch, write(CONFIGURATION + PROVIDER + "  mutation_milliseconds: 700\n"))
    parts = provider_parts_from_environment()
    image = Reference.parse(f"other.example/app@{Digest.of(b'image')}")
    question = ProviderQuestion(purpose=Purpose.VALIDATE, client="gatekeeper.test", references=(image,))
    (answer,) = parts.provide(question, Deadline.after(5, parts.clock.monotonic))
    assert isinstance(answer, Unavailable)
    assert answer.code == "log_unavailable"
    assert parts.client_names == {"gatekeeper.test"}
    assert parts.names_of({}) == frozenset()
    assert parts.seconds == {Purpose.VALIDATE: 2.5, Purpose.MUTATE: 0.7}


def test_a_provider_that_is_not_configured_cannot_be_built(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    prepare(monkeypatch, write(CONFIGURATION))
    with pytest.raises(ConfigError) as caught:
        provider_parts_from_environment()
    assert caught.value.code == "provider_missing"
