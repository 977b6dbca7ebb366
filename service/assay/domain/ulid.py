"""ULIDs: 26 characters that sort by time."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
RANDOM_OCTETS = 10


def render_ulid(milliseconds: int, randomness: bytes) -> str:
    """The ULID of a time (Unix milliseconds below 2^48) and ten random bytes (github.com/ulid/spec)."""
    if not 0 <= milliseconds < 2**48 or len(randomness) != RANDOM_OCTETS:
        raise ValueError("a ULID needs 48 bits of time and ten random bytes")
    number = int.from_bytes(milliseconds.to_bytes(6) + randomness)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))


def is_ulid(text: str) -> bool:
    """Whether the text has the form of a ULID."""
    return len(text) == _LENGTH and text[0] in "01234567" and all(character in _ALPHABET for character in text)
