"""The keys of URLs as the environment gives them, and the command that tells them."""

import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from sharinpix.key_derivation import derived_key
from sharinpix.signing_keys import fingerprint_of, known_keys, usable_keys

pytestmark = pytest.mark.any_database
OURS, OLDER = derived_key("secret", "signing"), derived_key("older", "signing")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    """environment(**variables): the settings of a server with SECRET_KEY `secret`, its fallback `older` and these."""

    def start(**variables: str) -> list[str]:
        for name in ("SIGNING_KEYS", "RETIRED_SIGNING_KEYS"):
            monkeypatch.setenv(name, variables.get(name, ""))
        settings.KNOWN_SIGNING_KEYS = known_keys("secret", ["older"])
        settings.SIGNING_KEYS = usable_keys(settings.KNOWN_SIGNING_KEYS)
        return list(settings.SIGNING_KEYS)

    start()
    return start


def test_the_derived_keys_stay_behind_those_that_are_given(environment: Any) -> None:
    assert environment() == [OURS, OLDER]
    assert environment(SIGNING_KEYS="newest,new") == ["newest", "new", OURS, OLDER]
    assert environment(SIGNING_KEYS=f"newest,{OLDER},newest") == ["newest", OLDER, OURS]


def test_a_key_is_dead_once_its_fingerprint_is_named(environment: Any) -> None:
    retired = f"{fingerprint_of(OURS)},{fingerprint_of('gone')}"
    assert environment(SIGNING_KEYS="newest", RETIRED_SIGNING_KEYS=retired) == ["newest", OLDER]
    assert environment(SIGNING_KEYS=f"newest,{OURS}", RETIRED_SIGNING_KEYS=retired) == ["newest", OLDER]
    assert environment(SIGNING_KEYS="newest", RETIRED_SIGNING_KEYS=fingerprint_of("newest")) == [OURS, OLDER]


def test_a_server_without_a_key_does_not_start(environment: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="no key to sign with"):
        environment(RETIRED_SIGNING_KEYS=f"{fingerprint_of(OURS)},{fingerprint_of(OLDER)}")


def test_a_fingerprint_tells_nothing_that_signs() -> None:
    assert re.fullmatch("[0-9a-f]{16}", fingerprint_of(OURS))
    assert fingerprint_of(OURS) not in OURS
    assert fingerprint_of(OURS) != fingerprint_of(OLDER)


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    call_command("signing_keys", *arguments)
    out = capsys.readouterr().out
    assert not any(key in out for key in django_settings.SIGNING_KEYS) or arguments
    return str(out).splitlines()


def test_the_command_tells_of_every_key_where_it_comes_from_and_what_it_does(
    environment: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = fingerprint_of("gone")
    environment(SIGNING_KEYS="newest,new", RETIRED_SIGNING_KEYS=f"{fingerprint_of(OURS)},{gone}")
    assert [re.split("  +", line) for line in listed(capsys)] == [
        [fingerprint_of("newest"), "SIGNING_KEYS", "signs and verifies"],
        [fingerprint_of("new"), "SIGNING_KEYS", "verifies"],
        [fingerprint_of(OURS), "SECRET_KEY", "retired"],
        [fingerprint_of(OLDER), "SECRET_KEY_FALLBACKS", "verifies"],
        [gone, "RETIRED_SIGNING_KEYS", "retired, and no key of the environment"],
    ]


def test_a_new_key_is_printed_in_front_of_the_given_ones(environment: Any, capsys: pytest.CaptureFixture[str]) -> None:
    environment(SIGNING_KEYS="newest,new")
    (line,) = listed(capsys, "--new")
    name, _, value = line.partition("=")
    made, *others = value.split(",")
    assert (name, others) == ("SIGNING_KEYS", ["newest", "new"])
    assert re.fullmatch(r"[\w-]{40,}", made)
    assert environment(SIGNING_KEYS=value) == [made, "newest", "new", OURS, OLDER]
    assert listed(capsys, "--new") != [line]


def test_what_is_printed_to_retire_a_key_leaves_every_other_one(
    environment: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, str] = {"SIGNING_KEYS": "newest,new"}
    left = environment(**given)
    for key in ("new", OURS, "newest"):
        given |= dict(line.split("=") for line in listed(capsys, "--retire", fingerprint_of(key)))
        left.remove(key)
        assert environment(**given) == left
    assert given["SIGNING_KEYS"] == ""


def test_no_key_is_retired_that_is_unknown_dead_or_the_last(environment: Any) -> None:
    environment(RETIRED_SIGNING_KEYS=fingerprint_of(OLDER))
    for fingerprint, sentence in [
        ("0" * 16, "No key has the fingerprint"),
        (fingerprint_of(OLDER), "retired already"),
        (fingerprint_of(OURS), "the only key that signs"),
    ]:
        with pytest.raises(CommandError, match=sentence):
            call_command("signing_keys", "--retire", fingerprint)


def test_the_command_says_who_signs_where_cloudinary_delivers(
    environment: Any, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.DELIVERY = "cloudinary"
    call_command("signing_keys")
    assert "CLOUDINARY_URL" in capsys.readouterr().err
