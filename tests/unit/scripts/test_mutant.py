"""Mutants: one defect each, and none where only people read."""

import pytest

from scripts.mutant import find_mutants


def names(text: str) -> set[str]:
    return {mutant.name for mutant in find_mutants(text.encode())}


@pytest.mark.parametrize(
    ("expression", "replacements"),
    [
        ("a < b", {"a <= b", "a >= b", "True", "False"}),
        ("a is None", {"a is not None", "True", "False"}),
        ("a in b", {"a not in b", "True", "False"}),
        ("not a", {"a"}),
        ("a and b", {"a or b", "a", "b"}),
        ("all(a)", {"any(a)"}),
        ("a + b", {"a - b"}),
        ("7", {"8", "6"}),
        ("True", {"False"}),
        ("'code'", {"'codeX'"}),
        ("b'raw'", {"b'rawX'"}),
        ("a if b else c", {"a", "c", "True", "False"}),
        ("[x for x in a if x]", {"[x for x in a]"}),
        ("a[b:c]", {"a"}),
        ("set(a)", {"a"}),
        ("f'{a}x'", {"\"X\" + f'{a}x'"}),
    ],
)
def test_an_expression_is_changed_in_every_way_that_matters(expression: str, replacements: set[str]) -> None:
    found = {name.partition(" -> ")[2] for name in names(f"def f():\n    g = {expression}\n")}
    assert found == replacements


def test_a_statement_is_left_out() -> None:
    text = "def f(a):\n    check(a)\n    if a:\n        raise ValueError('a b')\n    return a\n"
    assert names(text) == {
        "f: check(a) -> pass",
        "f: a -> True",
        "f: a -> False",
        "f: raise ValueError('a b') -> pass",
        "f: return a -> return None",
    }


@pytest.mark.parametrize(
    "text",
    [
        '"""A module."""',
        "def f() -> 'int':\n    '''Docstring.'''",
        "def f(a, why):\n    g = h('two words', remedy='word', what=f'{a}')",
        "@frozen(slots=True)\nclass A:\n    a: 'int'",
        "def f(a):\n    assert_never(a)",
        "import b\nT = TypeVar('T')",
        "def f(a):\n    g = f'{a.what}.member'",
    ],
)
def test_what_only_people_or_tools_read_is_left_alone(text: str) -> None:
    assert names(text) == set()


def test_a_mutant_is_the_whole_text_with_one_change_and_knows_its_lines() -> None:
    text = "A = 1\n\n\ndef f(a):\n    return g(\n        a == 'é',\n        a == 'é',\n    )\n"
    mutants = {mutant.name: mutant for mutant in find_mutants(text.encode())}
    second = mutants["f: a == 'é' -> a != 'é' #2"]
    assert second.octets.decode() == text.replace("        a == 'é',\n    )", "        (a != 'é'),\n    )")
    assert (second.lines, second.at_import) == (frozenset({5, 7}), False)
    assert mutants["module: 1 -> 2"].at_import
