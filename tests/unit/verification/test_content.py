"""What a signature has to be over."""

import hashlib

from assay.formats.untrusted_evidence import HashName, MessageSignature
from assay.verification.content import signed_message
from assay.verification.message import Message

ARTEFACT = Message(octets=b"artefact")
OTHER = hashlib.sha256(b"other").digest()


def stated(digest: bytes) -> MessageSignature:
    return MessageSignature(signature=b"", hint=(HashName.SHA256, digest))


def test_an_artefact_that_is_as_stated_is_the_message_itself_with_its_bytes() -> None:
    assert signed_message(stated(hashlib.sha256(b"artefact").digest()), ARTEFACT) is ARTEFACT
    assert signed_message(MessageSignature(signature=b""), ARTEFACT) is ARTEFACT


def test_another_stated_digest_stands_in_for_the_artefact() -> None:
    message = signed_message(stated(OTHER), ARTEFACT)
    assert (message.octets, message.digest(HashName.SHA256)) == (None, OTHER)
