from pathlib import Path

import pytest

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.tlog.note import SigningKey, VerifierKey, parse_untrusted_note, verify_note

C2SP = Path("tests/assets/tlog/c2sp")
NOTE = (C2SP / "signed-note.example.txt").read_text("utf-8")
KEY_TEXT = (C2SP / "signed-note.vkey").read_text("utf-8")
KEY = SigningKey(name="example.org/log", seed=b"s" * 32)
OTHER = SigningKey(name="example.org/log", seed=b"o" * 32)


def test_the_example_of_the_specification_verifies() -> None:
    assert verify_note(NOTE, VerifierKey.parse(KEY_TEXT)) == "This is an example message.\n"


def test_what_is_signed_verifies_and_has_two_parts() -> None:
    note = KEY.sign("first\n\nlast\n")
    assert verify_note(note, KEY.verifier_key) == "first\n\nlast\n"
    assert len(parse_untrusted_note(note).signatures) == 1


def test_keys_survive_their_text_forms() -> None:
    assert SigningKey.parse(KEY.render_secret()) == KEY
    assert VerifierKey.parse(f"{KEY.verifier_key}\n") == KEY.verifier_key


def test_a_secret_key_does_not_show_its_seed() -> None:
    assert "ssss" not in repr(KEY)
    with pytest.raises(InvalidInput) as caught:
        SigningKey.parse(KEY.render_secret()[:-4])
    assert caught.value.code == "signing_key_malformed"
    assert KEY.render_secret()[-40:-4] not in str(caught.value)


def test_a_changed_text_is_refused() -> None:
    note = KEY.sign("three leaves\n")
    with pytest.raises(EvidenceRejected) as caught:
        verify_note(note.replace("three", "seven"), KEY.verifier_key)
    assert caught.value.code == "checkpoint_signature_invalid"
    verify_note(note, KEY.verifier_key)


def test_a_signature_by_another_key_of_the_same_name_is_not_enough() -> None:
    note = OTHER.sign("text\n")
    with pytest.raises(EvidenceRejected) as caught:
        verify_note(note, KEY.verifier_key)
    assert caught.value.code == "checkpoint_signature_invalid"


def test_signatures_of_unknown_keys_are_ignored() -> None:
    theirs = OTHER.sign("text\n").rpartition("\n\n")[2]
    assert verify_note(KEY.sign("text\n") + theirs * 15, KEY.verifier_key) == "text\n"


def test_one_bad_signature_of_a_known_key_rejects_the_note() -> None:
    good, other = KEY.sign("text\n"), KEY.sign("other\n").rpartition("\n\n")[2]
    with pytest.raises(EvidenceRejected) as caught:
        verify_note(good + other, KEY.verifier_key)
    assert caught.value.code == "checkpoint_signature_invalid"
    verify_note(good, KEY.verifier_key)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        NOTE.rstrip("\n"),
        NOTE.replace("\u2014", "-"),
        NOTE.replace("example.com/foo ", "example.com/foo+x "),
        NOTE.replace("Uw2Q", "Uw2*"),
        NOTE.replace("This", "This\t"),
        NOTE.replace("This", "\ud800"),
        "text\n\n\u2014 name AAAA\n",
        NOTE + NOTE.rpartition("\n\n")[2] * 100,
        "x" * 1_000_001 + NOTE,
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(EvidenceRejected) as caught:
        parse_untrusted_note(note)
    assert caught.value.code == "checkpoint_malformed"
    parse_untrusted_note(NOTE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        KEY_TEXT.replace("530d903a", "530d903b"),
        KEY_TEXT.replace("example.com/foo", "example.com/bar"),
        KEY_TEXT.replace("+Aekye", "+Bekye"),
        KEY_TEXT.replace("example.com/foo", "example com"),
        KEY_TEXT[:-9],
        "name+00000000+AQ==",
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        VerifierKey.parse(text)
    assert caught.value.code == "verifier_key_malformed"
    VerifierKey.parse(KEY_TEXT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PRIVATE+KEY+",
        KEY.render_secret().removeprefix("PRIVATE+KEY+"),
        KEY.render_secret().replace("example.org", "example.net"),
        KEY.render_secret().replace("+AX", "+BX"),
        "PRIVATE+KEY+name+00000000+AQ==",
    ],
)
def test_what_is_no_signing_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SigningKey.parse(text)
    assert caught.value.code == "signing_key_malformed"
    SigningKey.parse(KEY.render_secret())


def test_a_text_without_a_final_newline_is_not_signed() -> None:
    with pytest.raises(ValueError, match="newline"):
        KEY.sign("text")
