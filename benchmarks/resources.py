"""CPU and memory of the worst inputs within the caps: what somebody whom nobody trusts can make a verification cost.

CPU is that of the process, the least of a few runs. Memory is the peak of what Python allocates above the input.
"""

import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    CertificateBuilder,
    Name,
    ObjectIdentifier,
    UnrecognizedExtension,
)

from assay.domain.evidence import EvidenceItem, EvidenceShape
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.verification.authority_group import group_authorities
from assay.verification.identity import IdentityPattern
from assay.verification.item import verify_item_for
from assay.verification.message import Message
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustRoot
from benchmarks.figure import Figure
from tests.fakes.certificate import ISSUER, NOW, SECOND, YEAR, curve_key, key_usage_of, private_key
from tests.fakes.judge import ACME, ROOT, WORLD, release, trust
from tests.fakes.sigstore import IMAGE, Recipe
from tests.fakes.trusted_root import ALWAYS, render_authority

_RUNS = 3
_MILLISECONDS, _MEGABYTES = 50.0, 32.0
_LARGEST = Limits().blob_octets


@dataclass(frozen=True, kw_only=True)
class Attack:
    """An input and whom it is verified for: by default the signer of an image and a key, both of them trusted."""

    name: str
    mint: Callable[[], EvidenceItem]
    authorities: tuple[Authority, ...] = (ACME,)
    root: TrustRoot = field(default_factory=trust)


def measure() -> Iterator[Figure]:
    """CPU and memory of each input."""
    for attack in _attacks():
        item = attack.mint()
        if len(item.content) > _LARGEST:
            raise RuntimeError(f"the figures are void: {attack.name} is larger than the caps")
        milliseconds = min(_milliseconds(attack, item) for _ in range(_RUNS))
        yield Figure(name=f"{attack.name}: CPU", value=milliseconds, unit="ms", goal=_MILLISECONDS)
        yield Figure(name=f"{attack.name}: memory", value=_megabytes(attack, item), unit="MB", goal=_MEGABYTES)


def _milliseconds(attack: Attack, item: EvidenceItem) -> float:
    begun = time.process_time()
    _verify(attack, item)
    return (time.process_time() - begun) * 1000


def _megabytes(attack: Attack, item: EvidenceItem) -> float:
    tracemalloc.start()
    try:
        _verify(attack, item)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _verify(attack: Attack, item: EvidenceItem) -> None:
    groups = group_authorities(attack.authorities, {ROOT: attack.root})
    verify_item_for(groups, item, artefact=Message.of_digest(IMAGE), limits=Limits())


def _attacks() -> Iterator[Attack]:
    strangers = (Authority(name="nobody", identities=(_NOBODY,), root=ROOT),)
    yield Attack(name="payload of 11 MiB, signed by no trusted key", mint=_large_payload, authorities=_KEYS)
    yield Attack(name="payload of 11 MiB, signed by a stranger", mint=lambda: _signed(_FILLER), authorities=strangers)
    yield Attack(name="payload of a million values", mint=lambda: _signed([1] * 1_000_000), authorities=strangers)
    yield Attack(name="100,000 members", mint=lambda: _text(b'{"a":[' + b"{}," * 49_998 + b"0]}"))
    yield Attack(name="16 MiB of commas", mint=lambda: _text(b"[" + b"," * (_LARGEST - 2) + b"]"))
    yield Attack(name="16 MiB of quotes", mint=lambda: _text(b'"' * _LARGEST))
    yield Attack(name="16 MiB of escapes", mint=lambda: _text(b'["' + b"\\u0041" * (_LARGEST // 6 - 4) + b'"]'))
    yield Attack(name="16 MiB of text, one wide character", mint=lambda: _wide("\U0001f600".encode()))
    yield Attack(name="16 MiB of text, one wide escape", mint=lambda: _wide(b"\\ud83d\\ude00"))
    yield Attack(name="16 MiB of blanks", mint=lambda: _text(b" " * (_LARGEST - 2) + b"{}"))
    yield Attack(name="log entry of 8 MiB, hashedrekord", mint=lambda: _large_entry("hashedrekord 0.0.1", "message"))
    yield Attack(name="log entry of 8 MiB, intoto", mint=lambda: _large_entry("intoto 0.0.2", "dsse"))
    yield Attack(name="32 timestamps, authority known by its root", mint=_timestamps, root=_TSA_BY_ROOT)
    yield Attack(name="32 timestamps with many certificates", mint=_stuffed_timestamps, root=_TSA_BY_ROOT)
    yield Attack(name="8 log entries, 100 equal signatures each", mint=_repeated_lines)
    yield Attack(name="9 certificates that claim to be the issuer", mint=_crowd, root=_ONLY_ROOT)


_NOBODY = IdentityPattern(issuer=TextPattern(exact=ISSUER), san=TextPattern(exact="https://nobody.test"))
_KEYS = (release(WORLD, root=""),)
_FILLER = "x" * (11 * 2**20)
_TSA_BY_ROOT = trust(
    edit=lambda root: root.update(timestampAuthorities=[render_authority((WORLD.tsa.root,), "", ALWAYS)])
)
_ONLY_ROOT = trust(
    edit=lambda root: root.update(certificateAuthorities=[render_authority((WORLD.authority.root,), "", ALWAYS)])
)


def _large_payload() -> EvidenceItem:
    recipe = Recipe(keyless=False, body="")
    return WORLD.mint(recipe, statement=lambda statement: statement.update(predicate={"x": _FILLER}), signer=_OTHER_KEY)


_OTHER_KEY = private_key("another", "p256")


def _signed(predicate: object) -> EvidenceItem:
    """A real signature with a real certificate, which everybody can get."""
    return WORLD.mint(Recipe(), statement=lambda statement: statement.update(predicate={"x": predicate}))


def _text(octets: bytes) -> EvidenceItem:
    return EvidenceItem(shape=EvidenceShape.BUNDLE, content=octets)


def _wide(character: bytes) -> EvidenceItem:
    return _text(b'["' + character + b"x" * (_LARGEST - 32) + b'"]')


def _large_entry(kind: str, content: str) -> EvidenceItem:
    recipe = Recipe(shape="0.1", content=content, body=kind)
    return WORLD.mint(recipe, body=lambda body: body["spec"].update(x="x" * (8 * 2**20)))


def _timestamps(*embedded: Certificate) -> EvidenceItem:
    signing = WORLD.sign(Recipe())
    tokens = [
        WORLD.tsa.stamp(
            signing.signed.signature,
            at=NOW + number * SECOND,
            serial=number + 1,
            embedded=(WORLD.tsa.leaf, *embedded),
        )
        for number in range(Limits().timestamps)
    ]
    return signing.item("0.3", entries=[signing.enter(WORLD.log, "dsse 0.0.1")], tokens=tokens)


def _stuffed_timestamps() -> EvidenceItem:
    return _timestamps(*(_impostor(number, WORLD.tsa.root.subject, 6000) for number in range(9)))


def _crowd() -> EvidenceItem:
    impostors = [_impostor(number, WORLD.authority.intermediate.subject, 0) for number in range(9)]
    return WORLD.mint(Recipe(shape="0.1"), intermediates=impostors)


def _impostor(number: int, name: Name, filler: int) -> Certificate:
    """An authority of somebody else's name with the costliest key that is accepted."""
    key = curve_key(f"impostor {number}", "p521")
    builder = CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(number + 1).not_valid_before(NOW - YEAR).not_valid_after(NOW + YEAR)
    builder = builder.add_extension(BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(key_usage_of("key_cert_sign"), critical=True)
    padding = UnrecognizedExtension(ObjectIdentifier("1.2.3"), b"\x04\x82" + filler.to_bytes(2, "big") + bytes(filler))
    return builder.add_extension(padding, critical=False).sign(curve_key("nobody", "p521"), SHA512())


def _repeated_lines() -> EvidenceItem:
    def repeat(note: str) -> str:
        text, _, lines = note.rpartition("\n\n")
        return f"{text}\n\n{lines * 100}"

    signing = WORLD.sign(Recipe())
    entry = signing.enter(WORLD.log, "dsse 0.0.1", note=repeat)
    return signing.item("0.3", entries=[entry] * Limits().log_entries)
