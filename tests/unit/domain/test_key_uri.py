import pytest

from assay.domain.errors import InvalidInput
from assay.domain.key_uri import (
    AwsKey,
    AzureKey,
    GcpKey,
    KeyUri,
    KubernetesSecret,
    Pkcs11Key,
    TransitKey,
    is_key_uri,
    parse_key_uri,
)

ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:us-east-2:111122223333:key/{ID}"
GCP = "projects/p-1/locations/global/keyRings/r_1/cryptoKeys/k-1"
VERSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"awskms:///{ID}", AwsKey(key=ID)),
        ("awskms:///alias/team/release_1", AwsKey(key="alias/team/release_1")),
        (f"awskms:///{ARN}", AwsKey(key=ARN)),
        ("awskms:///arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/release", None),
        (f"awskms://localhost:4566/{ID}", AwsKey(key=ID, endpoint="localhost:4566")),
        (f"awskms:///mrk-{VERSION}", AwsKey(key=f"mrk-{VERSION}")),
        (f"gcpkms://{GCP}", GcpKey(name=GCP)),
        (f"gcpkms://{GCP}/cryptoKeyVersions/3", GcpKey(name=GCP, version="3")),
        (f"gcpkms://{GCP}/versions/3", GcpKey(name=GCP, version="3")),
        ("azurekms://my-vault/release", AzureKey(host="my-vault.vault.azure.net", key="release")),
        ("azurekms://MyVault.vault.azure.net/release", AzureKey(host="myvault.vault.azure.net", key="release")),
        (f"azurekms://my-vault.vault.azure.cn/k/{VERSION}", None),
        ("hashivault://release", TransitKey(server="hashivault", key="release")),
        ("openbao://team.release-1", TransitKey(server="openbao", key="team.release-1")),
        ("k8s://build/release.key", KubernetesSecret(namespace="build", name="release.key")),
        ("pkcs11:token=assay;object=release", Pkcs11Key(token="assay", label="release")),
        ("pkcs11:id=%01%fe;slot-id=0", Pkcs11Key(slot=0, id=b"\x01\xfe")),
        (
            "pkcs11:token=my%20token;object=k?module-path=/usr/lib/m.so&pin-value=12%3534",
            Pkcs11Key(token="my token", label="k", module="/usr/lib/m.so", pin="12534"),
        ),
    ],
)
def test_a_uri_names_one_key(text: str, key: KeyUri | None) -> None:
    assert is_key_uri(text)
    found = parse_key_uri(text)
    assert found == (key or found)
    assert isinstance(found, Pkcs11Key) or parse_key_uri(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "awskms://",
        "awskms:///",
        "awskms:///release",
        f"awskms:///{ID}/",
        f"awskms:///{ID.upper()}",
        f"awskms://user@host/{ID}",
        f"awskms:///arn:aws:s3:us-east-2:111122223333:key/{ID}",
        f"gcpkms://{GCP}/cryptoKeyVersions/0",
        f"gcpkms://{GCP}/cryptoKeyVersions/3/versions/3",
        f"gcpkms://{GCP.replace('k-1', '..')}",
        f"gcpkms://{GCP.replace('/keyRings/r_1', '')}",
        "azurekms://my-vault",
        "azurekms://my-vault.example.com/release",
        "azurekms://my-vault.vault.azure.net.example.com/release",
        "azurekms://my-vault/release/latest",
        "hashivault://",
        "hashivault://../sys/seal",
        "hashivault://a/b",
        "openbao://a?b",
        "k8s://build",
        "k8s://build/UPPER",
        "k8s://build/a/b",
        "pkcs11:",
        "pkcs11:token=a",
        "pkcs11:object=a",
        "pkcs11:token=a;slot-id=1;object=k",
        "pkcs11:slot-id=x;object=k",
        "pkcs11:slot-id=12345678901;object=k",
        "pkcs11:token=a;object=k;id=%01",
        "pkcs11:token=a;object=k;object=k",
        "pkcs11:token=a;object=k;unknown=x",
        "pkcs11:token=a;object",
        "pkcs11:token=a;object=two words",
        "pkcs11:token=a;object=%zz",
        "pkcs11:token=%ff;object=k",
        "pkcs11:token=a%00;object=k",
        "pkcs11:token=a;object=k?pin-source=/etc/pin",
        "hashivault://" + "x" * 3000,
        "hashivault://release\n",
    ],
)
def test_a_uri_that_names_no_key_is_malformed(text: str) -> None:
    assert is_key_uri(text)
    with pytest.raises(InvalidInput) as caught:
        parse_key_uri(text)
    assert caught.value.code == "key_uri_malformed"


@pytest.mark.parametrize("text", ["", "cosign.key", "https://example.com/key", "gitlab://project", "AWSKMS:///x"])
def test_another_scheme_is_unsupported(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_key_uri(text)
    assert caught.value.code == "key_uri_unsupported"


@pytest.mark.parametrize("text", ["cosign.key", "keys/cosign.key", "/etc/cosign.key", "c:key", "a key: mine", ""])
def test_the_path_of_a_file_is_no_uri(text: str) -> None:
    assert not is_key_uri(text)


def test_a_pin_is_shown_nowhere() -> None:
    key = parse_key_uri("pkcs11:token=a;object=k?pin-value=s3cret")
    assert "s3cret" not in str(key) + repr(key)
    with pytest.raises(InvalidInput) as caught:
        parse_key_uri("pkcs11:token=a?pin-value=s3cret")
    assert "s3cret" not in str(caught.value)
