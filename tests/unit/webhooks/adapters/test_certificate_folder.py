"""The folder that holds a webhook's certificates."""

from datetime import timedelta
from pathlib import Path

import pytest

from assay.domain.errors import ConfigError
from assay_webhooks.adapters.certificate_folder import CertificateFolder
from assay_webhooks.rotation import CertificateState, Step, make_certificates, take_step
from tests.fakes.certificate import NOW

STATE = make_certificates(["webhook.assay.svc"], NOW, timedelta(days=30))


@pytest.fixture
def files(tmp_path: Path) -> CertificateFolder:
    made = CertificateFolder(folder=tmp_path / "tls")
    made.create(STATE)
    return made


def content(state: CertificateState) -> tuple[bytes, ...]:
    """What a state says, whatever the serving pair calls its own authority."""
    staged = state.staged
    return (
        state.bundle_pem,
        state.serving.certificate_pem,
        state.serving.key_pem,
        *((staged.ca_pem, staged.certificate_pem, staged.key_pem) if staged else ()),
    )


def test_every_state_of_a_rotation_is_read_as_it_was_written(files: CertificateFolder) -> None:
    state = STATE
    assert content(files.read()) == content(state)
    for step in Step:
        state = take_step(state, step, NOW)
        files.write(state)
        assert content(files.read()) == content(state)


def test_files_are_private(files: CertificateFolder) -> None:
    files.write(take_step(STATE, Step.STAGE, NOW))
    modes = {path.name: path.stat().st_mode & 0o777 for path in files.folder.rglob("*")}
    assert modes.pop("next") == 0o700
    assert set(modes.values()) == {0o600}
    assert files.is_private()
    (files.folder / "tls.key").chmod(0o640)
    assert not files.is_private()


def test_nothing_is_overwritten(files: CertificateFolder) -> None:
    with pytest.raises(ConfigError) as caught:
        files.create(make_certificates(["other.svc"], NOW, timedelta(days=1)))
    assert caught.value.code == "certificates_exist"
    assert content(files.read()) == content(STATE)


@pytest.mark.parametrize("name", ["ca.crt", "tls.crt", "tls.key"])
def test_a_file_that_is_missing_is_named(files: CertificateFolder, name: str) -> None:
    (files.folder / name).unlink()
    with pytest.raises(ConfigError) as caught:
        files.read()
    assert caught.value.code == "certificates_missing"
    assert name in caught.value.message


def test_a_switch_that_was_interrupted_can_be_taken_again(files: CertificateFolder) -> None:
    staged = take_step(STATE, Step.STAGE, NOW)
    files.write(staged)
    assert staged.staged is not None
    (files.folder / "tls.key").write_bytes(staged.staged.key_pem)  # as if it had ended behind the first file
    files.write(take_step(files.read(), Step.SWITCH, NOW))
    assert files.read().serving.certificate_pem == staged.staged.certificate_pem
    assert files.read().staged is None


def test_a_stage_that_was_interrupted_leaves_nothing_half_done(files: CertificateFolder) -> None:
    draft = files.folder / "next.new"
    draft.mkdir()
    (draft / "ca.crt").write_text("half")
    assert files.read().staged is None
    files.write(take_step(files.read(), Step.STAGE, NOW))
    assert files.read().staged is not None
