"""The section `immutable_tags`: which tags never move, and who hears of it when one does."""

import re

from assay.configuration.section import Section, refuse
from assay.configuration.settings import ImmutableTagSettings, OwnerSettings
from assay.domain.errors import ConfigError
from assay.verification.tag_rule import TagRule
from assay.verification.text_pattern import TextPattern

_ADDRESS = re.compile(
    r"https://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,1024})?",
    re.ASCII,
)


def read_immutable_tags(section: Section | None) -> ImmutableTagSettings | None:
    """Read the section; `ConfigError(configuration_invalid)` naming the place.

    Guaranteed: at least one rule, and every owner that a rule names is described once.
    """
    if section is None:
        return None
    owners = tuple(map(_owner, section.sections("owners")))
    rules = tuple(map(_rule, section.sections("rules")))
    section.finish()
    if not rules:
        raise refuse(f"{section.place}.rules", "the list is empty", "declare a tag immutable, or remove the section")
    names = [owner.name for owner in owners]
    if len(set(names)) != len(names):
        raise refuse(f"{section.place}.owners", "two owners have the same name", "describe each owner once")
    for rule in rules:
        if rule.owner and rule.owner not in names:
            raise refuse(f"{section.place}.rules", f"nobody describes the owner {rule.owner}", "add it to `owners`")
    return ImmutableTagSettings(rules=rules, owners=owners)


def _rule(section: Section) -> TagRule:
    try:
        rule = TagRule(
            repository=TextPattern(glob=section.text("repository")),
            tags=tuple(TextPattern(glob=text) for text in section.texts("tags", required=True)),
            owner=section.name("owner") if section.has("owner") else "",
        )
    except ConfigError as error:
        if error.code != "pattern_invalid":
            raise
        raise refuse(section.place, error.message, error.remedy) from error
    section.finish()
    return rule


def _owner(section: Section) -> OwnerSettings:
    url = section.text("url")
    if not _ADDRESS.fullmatch(url):
        raise refuse(f"{section.place}.url", "it is no https address", "write https://HOST[:PORT]/PATH")
    owner = OwnerSettings(name=section.name("name"), url=url, secret=section.text("secret"), ca=section.text("ca", ""))
    section.finish()
    return owner
