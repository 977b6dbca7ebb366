import pytest

from assay.adapters.registry.challenge import Challenge, parse_challenges


def challenge(scheme: str, **parameters: str) -> Challenge:
    return Challenge(scheme=scheme, parameters=parameters)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", [challenge("basic")]),
        ('Basic realm="a"', [challenge("basic", realm="a")]),
        ('bearer realm="https://a/b?c=d",service=e', [challenge("bearer", realm="https://a/b?c=d", service="e")]),
        ('Bearer realm="a, b=c", Scope="x:y:pull,push"', [challenge("bearer", realm="a, b=c", scope="x:y:pull,push")]),
        ('Basic realm="a" , Bearer realm=b', [challenge("basic", realm="a"), challenge("bearer", realm="b")]),
        ('Negotiate abc Basic realm="a"', [challenge("negotiate"), challenge("abc"), challenge("basic", realm="a")]),
        (r'Basic realm="a\"b"', [challenge("basic", realm='a"b')]),
    ],
)
def test_a_header_is_read_as_written(header: str, expected: list[Challenge]) -> None:
    assert list(parse_challenges(header)) == expected


@pytest.mark.parametrize(
    "header",
    [
        'realm="a"',
        'Bearer realm="a",realm="b"',
        'Bearer realm="a',
        "Bearer realm=",
        'Bearer realm="a"; service="b"',
        "Bearer realm=\u00e9",
        'Bearer realm="' + "a" * 9000 + '"',
    ],
)
def test_a_malformed_header_challenges_nothing(header: str) -> None:
    assert parse_challenges(header) == ()
