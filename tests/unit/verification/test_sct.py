"""Signed certificate timestamps: what a log must have signed, and when."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA384

from assay.domain.errors import EvidenceRejected
from assay.domain.identity import PublicKey
from assay.formats.public_key import load_verifying_key
from assay.verification.chain import verify_chain
from assay.verification.sct import verify_scts
from assay.verification.trust_root import CtKey, TrustProfile, TrustRoot
from tests.fakes.certificate import NOW, SCT_LIST, FakeCtLog, Leaf, Sct, spki
from tests.fakes.judge import trust
from tests.fakes.sigstore import FakeSigstore

WORLD = FakeSigstore()
LOG = WORLD.ct_log
OTHER = FakeCtLog(name="other")
ROOT = trust(WORLD)
KNOWN = ROOT.ct_logs[LOG.log_id]


def outcome(*scts: Sct, root: TrustRoot = ROOT, **changes: Any) -> int | str:
    """How many logs vouch for a leaf with these SCTs, or the code of the rejection."""
    leaf = WORLD.authority.issue(replace(Leaf(scts=scts), **changes))
    return verdict(leaf, root)


def verdict(leaf: x509.Certificate, root: TrustRoot = ROOT) -> int | str:
    issuer = verify_chain(leaf, (), root, (NOW,))
    try:
        return verify_scts(leaf, issuer, root)
    except EvidenceRejected as error:
        return error.code


def demanding(scts: int) -> TrustRoot:
    return replace(ROOT, profile=TrustProfile(log_entries=1, scts=scts, timestamps=0))


def test_a_log_counts_once_however_often_it_signed() -> None:
    twice = (Sct(log=LOG), Sct(log=LOG, extensions=b"x"))
    assert outcome(*twice) == 1
    assert outcome(*twice, root=demanding(2)) == "sct_missing"
    both = replace(demanding(2), ct_logs={LOG.log_id: KNOWN, OTHER.log_id: _key_of(OTHER)})
    assert outcome(Sct(log=LOG), Sct(log=OTHER), root=both) == 2


def _key_of(log: FakeCtLog) -> CtKey:
    return replace(KNOWN, log_id=log.log_id, key=load_verifying_key(PublicKey(spki=spki(log.key))))


def test_a_log_that_is_not_known_counts_for_nothing() -> None:
    assert outcome(Sct(log=OTHER)) == "sct_missing"
    assert outcome(Sct(log=OTHER), root=demanding(0)) == 0
    assert outcome(Sct(log=OTHER), Sct(log=LOG)) == 1
    assert outcome(root=demanding(0)) == 0


def test_an_sct_that_does_not_hold_rejects_also_where_none_is_demanded() -> None:
    bad = Sct(log=LOG, issuer_spki=b"another")
    assert outcome(bad, root=demanding(0)) == "sct_invalid"
    assert outcome(Sct(log=OTHER), bad) == "sct_invalid"
    assert outcome(Sct(log=LOG, signature=b"\x30\x00")) == "sct_invalid"


def test_more_than_eight_scts_are_not_looked_at() -> None:
    crowd = [Sct(log=LOG, extensions=bytes([number])) for number in range(9)]
    assert outcome(*crowd) == "evidence_limit"
    assert outcome(*crowd[:8]) == 1


@pytest.mark.parametrize("head", [b"\x05\x03", b"\x04\x01"])
def test_another_algorithm_than_that_of_the_key_is_refused(head: bytes) -> None:
    def altered(octets: bytes) -> bytes:
        return octets.replace(b"\x04\x03", head)

    assert verdict(_with_list(altered)) == "sct_invalid"
    assert verdict(_with_list(lambda octets: octets)) == 1


def _with_list(edit: Callable[[bytes], bytes]) -> x509.Certificate:
    """A leaf whose SCT list was changed after the log signed, and which its authority signed then."""
    good = WORLD.authority.issue(Leaf())
    builder = x509.CertificateBuilder().subject_name(good.subject).issuer_name(good.issuer)
    builder = builder.public_key(Leaf().key.public_key()).serial_number(good.serial_number)
    builder = builder.not_valid_before(good.not_valid_before_utc).not_valid_after(good.not_valid_after_utc)
    for extension in good.extensions:
        value: x509.ExtensionType = extension.value
        if extension.oid == SCT_LIST:
            value = x509.UnrecognizedExtension(SCT_LIST, edit(value.public_bytes()))
        builder = builder.add_extension(value, extension.critical)
    return builder.sign(WORLD.authority.issuing_key, SHA384())


@pytest.mark.parametrize("milliseconds", [0, 2**62, 2**64 - 1])
def test_a_time_beyond_all_windows_is_refused(milliseconds: int) -> None:
    now = round(NOW.timestamp() * 1000).to_bytes(8, "big")
    leaf = _with_list(lambda octets: octets.replace(now, milliseconds.to_bytes(8, "big")))
    assert verdict(leaf) == "sct_invalid"


def test_a_log_may_sign_with_rsa() -> None:
    log = FakeCtLog(name="rsa", kind="rsa2048")
    root = replace(ROOT, ct_logs={log.log_id: _key_of(log)})
    assert outcome(Sct(log=log), root=root) == 1
    assert outcome(Sct(log=log, signature=bytes(256)), root=root) == "sct_invalid"


def test_an_sct_list_that_cannot_be_read_is_invalid() -> None:
    assert verdict(_with_list(lambda _: b"\x04\x02\x00\x09")) == "sct_invalid"
