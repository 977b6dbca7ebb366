"""ProviderResponse: an item says one thing, a failure says something."""

import pytest

from assay_webhooks.provider.response import Item, render_failure


def test_an_item_has_a_value_or_an_error() -> None:
    assert Item(key="a", value="b").error == ""
    assert Item(key="a", error="b").value is None
    for value, error in ((None, ""), ("b", "c")):
        with pytest.raises(ValueError, match="either"):
            Item(key="a", value=value, error=error)


def test_a_failure_has_words() -> None:
    assert b'"systemError": "why"' in render_failure("why")
    with pytest.raises(ValueError, match="words"):
        render_failure("")
