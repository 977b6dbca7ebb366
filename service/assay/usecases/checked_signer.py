"""A signer whose every signature is verified before anybody gets it."""

from assay.domain.errors import Unavailable
from assay.domain.identity import PublicKey
from assay.formats.public_key import load_verifying_key
from assay.ports import Signer
from assay.verification.message import Message
from assay.verification.signature import find_scheme


class CheckedSigner:
    """Verifies what another signer signed under the public key of that signer.

    A service that signs with another key, another version or another algorithm than it told, or a fault on the way,
    ends here and not with whoever verifies the image: `Unavailable(signature_refused)`.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def public_key(self) -> PublicKey:
        """The public half."""
        return self._signer.public_key()

    def sign(self, message: bytes) -> bytes:
        """The signature, verified."""
        key = self._signer.public_key()
        signature = self._signer.sign(message)
        if find_scheme(load_verifying_key(key), message=Message(octets=message), signature=signature) is None:
            raise Unavailable(
                "signature_refused",
                f"what came back as a signature does not verify under the key {key.key_id}",
                remedy="check which key the service signs with; nothing was signed",
            )
        return signature
