"""Changes of an input in its own structure, so that what is changed is still read."""

import json
import random

from tests.fakes.der_mutation import DerMutator
from tests.fakes.mutation import DocumentMutator


def change(octets: bytes, form: str, source: random.Random) -> bytes:
    """The input with one place changed as its form allows; with one bit changed where it is not of that form."""
    mutator = DocumentMutator(source)
    try:
        if form == "json":
            document = json.loads(octets)
            mutator.edit(document)
            return json.dumps(document).encode()
        if form == "der":
            return DerMutator(source).mutate(octets)
        if form == "text":
            return mutator.text(octets.decode()).encode()
    except (ValueError, IndexError, RecursionError, OverflowError):
        pass
    return mutator.flip(octets)
