"""Keys on a real PKCS#11 token: SoftHSM."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import KeyType
from pkcs11.util.ec import encode_named_curve_parameters

from assay.bootstrap.keys import fetch_public_key, open_signer
from assay.domain.errors import AssayError, ConfigError
from assay.domain.key_uri import parse_key_uri
from assay.formats.signing_key import signature_algorithm
from scripts.machine import find_softhsm

pytestmark = pytest.mark.tools

PIN = "1234567"
EDWARDS = b"\x13\x0cedwards25519"  # a PrintableString
CURVES = {"p256": "secp256r1", "p384": "secp384r1", "p521": "secp521r1", "koblitz": "secp256k1"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A token with keys, and how clients reach it; SoftHSM finds its folder through a variable of the process."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    module = find_softhsm()
    assert module is not None, "set-up installs it: ./setup test"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        make_token = ("softhsm2-util", "--init-token", "--free", "--label", "assay", "--pin", PIN, "--so-pin", PIN)
        subprocess.run(make_token, check=True, stdout=subprocess.DEVNULL, timeout=60)
        library = pkcs11.lib(str(module))
        token = library.get_token(token_label="assay")
        with token.open(rw=True, user_pin=PIN) as session:
            for name, curve in CURVES.items():
                domain = session.create_domain_parameters(
                    KeyType.EC, {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}, local=True
                )
                domain.generate_keypair(store=True, label=name, id=name.encode())
            domain = session.create_domain_parameters(
                KeyType.EC_EDWARDS, {pkcs11.Attribute.EC_PARAMS: EDWARDS}, local=True
            )
            domain.generate_keypair(mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label="ed25519")
            session.generate_keypair(KeyType.RSA, 2048, store=True, label="rsa")
            for number in (1, 2):
                session.generate_keypair(KeyType.RSA, 2048, store=True, label="twice", id=bytes([number]))
        library.finalize()
        yield {"COSIGN_PKCS11_MODULE_PATH": str(module), "COSIGN_PKCS11_PIN": PIN}


def refusal(uri: str, environment: dict[str, str]) -> str:
    with pytest.raises(AssayError) as caught:
        open_signer(parse_key_uri(uri), password=b"", environment=environment).sign(b"m")
    assert PIN not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize("name", ["p256", "p384", "p521", "ed25519", "rsa"])
def test_every_kind_of_key_signs(environment: dict[str, str], name: str) -> None:
    signer = open_signer(parse_key_uri(f"pkcs11:token=assay;object={name}"), password=b"", environment=environment)
    assert signer.sign(b"message")
    assert signature_algorithm(signer.public_key())


def test_a_key_is_found_by_its_id_and_a_module_and_pin_in_the_uri(environment: dict[str, str]) -> None:
    module = environment["COSIGN_PKCS11_MODULE_PATH"]
    uri = parse_key_uri(f"pkcs11:token=assay;id=%70256?module-path={module}&pin-value={PIN}")
    by_label = parse_key_uri("pkcs11:token=assay;object=p256")
    found = fetch_public_key(uri, password=bytes, environment={})
    assert found == fetch_public_key(by_label, password=bytes, environment=environment)


def test_a_token_is_found_by_its_slot(environment: dict[str, str]) -> None:
    library = pkcs11.lib(environment["COSIGN_PKCS11_MODULE_PATH"])
    slot = library.get_token(token_label="assay").slot.slot_id
    library.finalize()
    assert fetch_public_key(
        parse_key_uri(f"pkcs11:slot-id={slot};object=p256"), password=bytes, environment=environment
    )
    assert refusal("pkcs11:slot-id=4000000000;object=p256", environment) == "kms_unavailable"


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("pkcs11:token=assay;object=absent", "kms_key_unknown"),
        ("pkcs11:token=absent;object=p256", "kms_unavailable"),
        ("pkcs11:token=assay;object=twice", "key_unsupported"),
        ("pkcs11:token=assay;object=koblitz", "key_unsupported"),
        ("pkcs11:token=assay;object=p256?pin-value=7654321", "kms_denied"),
    ],
)
def test_what_cannot_sign_is_refused(environment: dict[str, str], uri: str, code: str) -> None:
    assert refusal(uri, environment) == code
    assert open_signer(parse_key_uri("pkcs11:token=assay;object=p256"), password=b"", environment=environment).sign(
        b"m"
    )


@pytest.mark.parametrize("module", ["", "libsofthsm2.so", "/nowhere/module.so"])
def test_a_module_is_named_by_an_absolute_path(module: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_signer(
            parse_key_uri("pkcs11:token=assay;object=p256"),
            password=b"",
            environment={"COSIGN_PKCS11_MODULE_PATH": module},
        )
    assert caught.value.code == "kms_not_configured"


def test_a_file_that_is_no_module_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "module.so").write_text("no library")
    environment = {"COSIGN_PKCS11_MODULE_PATH": str(tmp_path / "module.so")}
    assert refusal("pkcs11:token=assay;object=p256", environment) == "kms_unavailable"


def test_a_forked_process_opens_the_module_anew(environment: dict[str, str]) -> None:
    script = """
import os, sys
from assay.bootstrap.keys import open_signer
from assay.domain.key_uri import parse_key_uri
signer = open_signer(parse_key_uri("pkcs11:token=assay;object=p256"), password=b"")
signer.sign(b"before")
child = os.fork()
if child:
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
signer.sign(b"after")
sys.exit(status if child else 0)
"""
    forked = subprocess.run([sys.executable, "-c", script], env={**os.environ, **environment}, check=False, timeout=120)
    assert forked.returncode == 0
