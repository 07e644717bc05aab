"""Upload forms in the shape of S3's: signed as AWS's own package signs them, and held to the letter."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import time_machine
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from images.uploads import policy
from images.uploads.policy import PolicyViolated, allowed, signed_form

pytestmark = pytest.mark.any_database
NOW = datetime(2026, 11, 25, 12, 30, 15, tzinfo=UTC)
FIELDS = {
    "key": "originals/ab/abcd",
    "Content-Type": "image/jpeg",
    "x-amz-meta-file_id": "7",
    "success_action_status": "201",
}
OPTIONS: dict[str, Any] = {"bucket": "sharinpix", "size": 1_000, "key_id": "sharinpix", "secret": "s3cret", "hours": 24}


def form(**changes: Any) -> dict[str, str]:
    return signed_form(FIELDS, **{**OPTIONS, "now": NOW, **changes})


def check(fields: Any, size: int = 1_000, *, secrets: Any = ("s3cret",), now: datetime = NOW) -> dict[str, str]:
    return allowed(fields, size, bucket="sharinpix", secrets=secrets, now=now)


def document(fields: dict[str, str]) -> Any:
    return json.loads(base64.b64decode(fields["policy"]))


def conditions(fields: dict[str, str]) -> set[str]:
    return {json.dumps(condition, sort_keys=True) for condition in document(fields)["conditions"]}


def test_a_form_has_what_amazons_package_would_put_into_it() -> None:
    with time_machine.travel(NOW, tick=False):
        client = boto3.client(
            "s3",
            region_name="local",
            aws_access_key_id="sharinpix",
            aws_secret_access_key="s3cret",
            config=Config(signature_version="s3v4"),
        )
        named = {name: value for name, value in FIELDS.items() if name != "key"}
        theirs = client.generate_presigned_post(
            "sharinpix",
            FIELDS["key"],
            Fields=dict(named),
            Conditions=[*({name: value} for name, value in named.items()), ["content-length-range", 1_000, 1_000]],
            ExpiresIn=24 * 3_600,
        )["fields"]
    ours = form()
    assert ours.keys() == theirs.keys()
    differing = {"policy", "x-amz-signature"}  # the order of conditions is theirs
    assert {k: v for k, v in ours.items() if k not in differing} == {
        k: v for k, v in theirs.items() if k not in differing
    }
    assert conditions(ours) == conditions(theirs)
    assert document(ours)["expiration"] == document(theirs)["expiration"]
    assert policy.signature(theirs["policy"], "20261125", "s3cret") == theirs["x-amz-signature"]


def test_a_form_that_is_sent_as_it_was_given_is_allowed() -> None:
    fields = form()
    assert check(fields) == {k: v for k, v in fields.items() if k not in {"policy", "x-amz-signature"}}


def test_an_older_secret_still_verifies() -> None:
    assert check(form(), secrets=["newest", "s3cret"])
    with pytest.raises(PolicyViolated, match="signature"):
        check(form(), secrets=["newest"])


@pytest.mark.parametrize("size", [0, 999, 1_001, 10**12])
def test_a_file_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(PolicyViolated, match="1000 bytes"):
        check(form(), size)


def test_a_form_is_good_for_its_hours_and_no_longer() -> None:
    day = timedelta(hours=24)
    assert check(form(), now=NOW + day)
    with pytest.raises(PolicyViolated, match="expired"):
        check(form(), now=NOW + day + timedelta(seconds=1))


@pytest.mark.parametrize("name", [*FIELDS, "x-amz-credential", "x-amz-algorithm", "x-amz-date"])
def test_no_field_may_say_something_else_or_be_left_out(name: str) -> None:
    fields = form()
    for wrong in ("", "another", fields[name] + " ", fields[name].upper() + "x", ["a"], {"a": "b"}, None):
        with pytest.raises(PolicyViolated):
            check({**fields, name: wrong})
    del fields[name]
    with pytest.raises(PolicyViolated):
        check(fields)


@pytest.mark.parametrize("name", ["policy", "x-amz-signature"])
def test_nothing_is_allowed_without_policy_and_signature(name: str) -> None:
    fields = form()
    for wrong in ("", "\0", "é", "0" * 64, fields[name][:-1], fields[name] + "=", ["a"], None):
        with pytest.raises(PolicyViolated, match="signature"):
            check({**fields, name: wrong})
    del fields[name]
    with pytest.raises(PolicyViolated, match="signature"):
        check(fields)


def test_the_signature_of_one_form_allows_no_other() -> None:
    with pytest.raises(PolicyViolated, match="signature"):
        check({**form(), "policy": form(size=5)["policy"]})
    with pytest.raises(PolicyViolated, match="file of 1000 bytes"):
        allowed(form(), 1_000, bucket="another", secrets=["s3cret"], now=NOW)


def test_a_field_that_the_policy_does_not_name_is_refused() -> None:
    with pytest.raises(PolicyViolated, match=r"does not allow 'acl\\r\\n'"):
        check({**form(), "ACL\r\n": "public-read"})


def test_names_are_the_same_in_any_case() -> None:
    fields = {name.upper(): value for name, value in form().items()}
    assert check(fields) == check(form())


def test_what_is_said_twice_in_different_cases_is_answered_as_it_was_signed() -> None:
    twice = {"X-Amz-Meta-File_Id": "8", **form()}
    assert check(twice)["x-amz-meta-file_id"] == "7"


ANYTHING = st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=2)


@given(
    changes=st.dictionaries(st.sampled_from([*form(), "x", "KEY", "Policy"]), ANYTHING, min_size=1), size=st.integers(0)
)
def test_whatever_is_sent_is_allowed_only_as_signed(changes: dict[str, Any], size: int) -> None:
    try:
        found = check({**form(), **changes}, size)
    except PolicyViolated:
        return
    assert found == check(form())
