from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from sharinpix import env
from sharinpix.key_derivation import derived_key

pytestmark = pytest.mark.any_database


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("X", "SECRET_KEY", "CLOUDINARY_URL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_white_space_around_a_value_is_dropped_and_an_empty_one_is_unset(given: pytest.MonkeyPatch) -> None:
    assert env.text("X", "default") == "default"
    given.setenv("X", "   ")
    assert env.text("X", "default") == "default"
    given.setenv("X", "  a b\n")
    assert env.text("X", "default") == "a b"


def test_a_value_that_begins_with_a_dollar_is_that_value(given: pytest.MonkeyPatch) -> None:
    given.setenv("X", "$abc-def")
    assert env.text("X") == "$abc-def"
    given.setenv("SECRET_KEY", "$HOME")
    assert env.secret_key(Path("none"), debug=False) == "$HOME"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        ("On", True),
        ("0", False),
        ("false", False),
        ("no", False),
        ("", False),
    ],
)
def test_a_flag_knows_the_usual_words(given: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    given.setenv("X", value)
    assert env.flag("X") is expected


@pytest.mark.parametrize("value", ["2", "ja", "truee", "-1"])
def test_a_flag_refuses_other_words(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X must be 1 or 0, not '.+'\.$"):
        env.flag("X")


@pytest.mark.parametrize("value", ["1", "8000", "65535", "0080"])
def test_a_number_is_read(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    assert env.number("X", 5) == int(value)


def test_a_number_that_is_not_set_has_its_default(given: pytest.MonkeyPatch) -> None:
    assert env.number("X", 5) == 5


@pytest.mark.parametrize("value", ["0", "65536", "-1", "+1", "1.5", "1e3", "eight", "８０", "1_000", "0x10"])
def test_what_is_no_number_in_the_range_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X must be a whole number from 1 to 65535, not '.+'\.$"):
        env.number("X", 5)


def test_a_list_is_separated_by_commas(given: pytest.MonkeyPatch) -> None:
    assert env.words("X") == []
    given.setenv("X", " a, b ,,c d, ")
    assert env.words("X") == ["a", "b", "c d"]


def test_a_choice_is_one_of_its_words(given: pytest.MonkeyPatch) -> None:
    assert env.choice("X", "a", ("a", "b")) == "a"
    given.setenv("X", "b")
    assert env.choice("X", "a", ("a", "b")) == "b"
    given.setenv("X", "B")
    with pytest.raises(ImproperlyConfigured, match=r"^X must be one of a, b, not 'B'\.$"):
        env.choice("X", "a", ("a", "b"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://pictures.example.com", "https://pictures.example.com"),
        ("https://pictures.example.com/", "https://pictures.example.com"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://cdn.example.com/pictures/", "https://cdn.example.com/pictures"),
    ],
)
def test_a_base_url_has_no_slash_at_its_end(given: pytest.MonkeyPatch, value: str, expected: str) -> None:
    given.setenv("X", value)
    assert env.base_url("X", "") == expected


@pytest.mark.parametrize(
    "value",
    [
        "pictures.example.com",
        "//pictures.example.com",
        "ftp://pictures.example.com",
        "https://",
        "https://:443",
        "https://pictures.example.com?a=b",
        "https://pictures.example.com#a",
        "https://ann@pictures.example.com",
        "https://pictures.example.com:eighty",
        "https://pictures.example.com:70000",
        "http://[::1",
    ],
)
def test_what_is_no_base_url_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X must look like https://pictures.example.com, not '.+'\.$"):
        env.base_url("X", "")


def test_a_url_without_a_path_may_be_asked_for(given: pytest.MonkeyPatch) -> None:
    given.setenv("X", "https://pictures.example.com/path")
    assert env.base_url("X", "")
    with pytest.raises(ImproperlyConfigured, match=r"^X must look like"):
        env.base_url("X", "", path=False)


@pytest.mark.parametrize("value", ["a/b", "a b", "é", "a" * 65, "..", "a?b"])
def test_a_cloud_has_a_plain_name(given: pytest.MonkeyPatch, value: str) -> None:
    assert env.name_of_cloud("X", "sharin_pix-1") == "sharin_pix-1"
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X may hold letters, digits, - and _ alone"):
        env.name_of_cloud("X", "sharinpix")


def test_the_parts_of_a_cloudinary_url_are_read(given: pytest.MonkeyPatch) -> None:
    assert env.cloudinary() is None
    given.setenv("CLOUDINARY_URL", "cloudinary://1234:ab-_cd@sadaasdasd?secure=true")
    assert env.cloudinary() == ("1234", "ab-_cd", "sadaasdasd")


@pytest.mark.parametrize(
    "value", ["https://1234:abcd@cloud", "cloudinary://1234@cloud", "cloudinary://1234:abcd", "cloudinary://", "x"]
)
def test_a_malformed_cloudinary_url_is_refused_without_being_repeated(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("CLOUDINARY_URL", value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        env.cloudinary()
    assert str(refusal.value) == "CLOUDINARY_URL must look like cloudinary://key:secret@cloud."


def test_networks_are_read_and_what_is_none_is_refused(given: pytest.MonkeyPatch) -> None:
    assert env.networks("X") == []
    given.setenv("X", "127.0.0.0/8, fd00::/8")
    assert env.networks("X") == ["127.0.0.0/8", "fd00::/8"]
    for value in ("localhost", "127.0.0.1/8", "127.0.0.0/33", "127.0.0.0-9"):
        given.setenv("X", f"10.0.0.0/8,{value}")
        with pytest.raises(
            ImproperlyConfigured, match=rf"^X must hold networks such as 127\.0\.0\.0/8, not '{value}'\.$"
        ):
            env.networks("X")


@pytest.mark.parametrize("value", ["UTC", "Europe/Paris", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_read(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    assert env.time_zone("X", "UTC") == value


@pytest.mark.parametrize("value", ["Mars/Olympus", "Europe", "../../etc/passwd", "/etc/passwd", "+02:00"])
def test_a_time_zone_that_nobody_knows_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X must be a time zone such as Europe/Paris, not '.+'\.$"):
        env.time_zone("X", "UTC")


def test_the_secret_key_of_the_environment_comes_first_and_the_kept_one_second(
    given: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY is not set"):
        env.secret_key(tmp_path, debug=False)
    assert env.secret_key(tmp_path, debug=True).startswith("well-known")
    (tmp_path / "secret_key").write_text("kept\n")
    assert env.secret_key(tmp_path, debug=False) == env.secret_key(tmp_path, debug=True) == "kept"
    given.setenv("SECRET_KEY", "given")
    assert env.secret_key(tmp_path, debug=False) == "given"


def test_an_empty_kept_key_is_none(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY is not set"):
        env.secret_key(tmp_path, debug=False)


def test_every_purpose_has_a_key_of_its_own() -> None:
    keys = {derived_key(secret, purpose) for secret in ("a", "b") for purpose in ("signing", "webhook")}
    assert len(keys) == 4
    assert all(len(key) == 64 for key in keys)
    assert derived_key("a", "signing") == derived_key("a", "signing")


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        ("", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("web-1.example.com", "web-1.example.com"),
        ("::", "[::]"),
        ("[::1]", "[::1]"),
    ],
)
def test_an_address_to_listen_at_is_one_of_this_host_unless_another_is_named(
    given: pytest.MonkeyPatch, value: str, bound: str
) -> None:
    given.setenv("X", value)
    assert env.host("X", "127.0.0.1") == bound


@pytest.mark.parametrize("value", ["a b", "127.0.0.1:8000", "::g", "unix:/run/a", "0.0.0.0,::", "[]", "é"])
def test_an_address_to_listen_at_that_is_none_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="X must be"):
        env.host("X", "127.0.0.1")
