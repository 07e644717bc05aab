"""Whose key signs an upload."""

import re
import time
from io import StringIO
from typing import Any
from uuid import UUID

import cloudinary
import cloudinary.utils
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.models import Organization
from images.uploads.keys import NATIVE, Signer, organization_signer, signer_with_key
from images.uploads.models import Upload
from tests.images.uploads.sending import send

pytestmark = pytest.mark.django_db


def test_each_organization_has_digits_and_secrets_of_its_own(signer: Signer, foreign: Signer) -> None:
    assert signer.api_key.isdigit()
    assert {signer.api_key, foreign.api_key} & {NATIVE} == set()
    assert signer.api_key != foreign.api_key
    assert set(signer.secrets).isdisjoint(foreign.secrets)
    assert set(signer.secrets).isdisjoint(organization_signer(None).secrets)


def test_a_secret_is_never_a_signing_key_itself(signer: Signer) -> None:
    ours = {*settings.SIGNING_KEYS, settings.SECRET_KEY}
    assert ours.isdisjoint(signer.secrets)
    assert ours.isdisjoint(organization_signer(None).secrets)


def test_a_key_leads_back_to_its_organization(signer: Signer, organization: Organization) -> None:
    assert signer_with_key(signer.api_key) == signer
    assert signer.organization_id == organization.pk
    assert signer_with_key(NATIVE) == organization_signer(None)


def test_an_inactive_organization_signs_nothing(signer: Signer, organization: Organization) -> None:
    organization.is_active = False
    organization.save()
    assert signer_with_key(signer.api_key) is None
    assert send(signer).status_code == 401


@pytest.mark.parametrize(
    "api_key", ["", "x", "-1", "1.5", "1e3", " 1", "٣", "²", "00", "1", str(1 << 128), "9" * 5_000]
)
def test_a_key_that_is_nobodys_is_none(api_key: str) -> None:
    assert signer_with_key(api_key) is None


def test_a_form_signed_before_a_rotation_is_good_until_its_key_goes(organization: Organization, settings: Any) -> None:
    settings.SIGNING_KEYS = ["older"]
    before = organization_signer(organization.pk)
    settings.SIGNING_KEYS = ["newest", "older"]
    assert before.api_key == organization_signer(organization.pk).api_key
    assert organization_signer(organization.pk).secrets[1:] == before.secrets
    answered = send(before)
    assert answered.status_code == 200
    settings.SIGNING_KEYS = ["newest"]
    assert send(before).status_code == 401


def test_answers_are_signed_by_the_newest_key(organization: Organization, settings: Any) -> None:
    settings.SIGNING_KEYS = ["older"]
    before = organization_signer(organization.pk)
    settings.SIGNING_KEYS = ["newest", "older"]
    told = send(before).json()
    newest, older = organization_signer(organization.pk), before
    assert newest.verifies_answer(told["public_id"], told["version"], told["signature"])
    assert not older.verifies_answer(told["public_id"], told["version"], told["signature"])


def test_create_upload_key_prints_what_the_packages_are_configured_with(organization: Organization) -> None:
    out = StringIO()
    call_command("create_upload_key", stdout=out)
    found = re.fullmatch(r"cloudinary://([0-9]+):([0-9a-f]{64})@([a-z]+)\n", out.getvalue())
    assert found
    assert UUID(int=int(found[1])) == organization.pk
    assert (found[2], found[3]) == (organization_signer(organization.pk).secrets[0], settings.CLOUD_NAME)
    parameters = {"timestamp": int(time.time()), "tags": "a,b"}
    assert organization_signer(organization.pk).verifies(
        parameters, cloudinary.utils.api_sign_request(parameters, found[2])
    )


def test_create_upload_key_makes_an_organization_that_nobody_has_yet(db: None) -> None:
    out = StringIO()
    call_command("create_upload_key", organization="New one", stdout=out)
    made = Organization.objects.get(name="New one")
    assert out.getvalue().startswith(f"cloudinary://{made.pk.int}:")


def test_create_upload_key_has_none_to_give_where_uploads_go_to_cloudinary(settings: Any) -> None:
    settings.DELIVERY = "cloudinary"
    with pytest.raises(CommandError, match="Cloudinary"):
        call_command("create_upload_key", stdout=StringIO())


def test_where_cloudinary_delivers_all_share_its_key(
    organization: Organization, other_organization: Organization, settings: Any
) -> None:
    settings.DELIVERY, settings.CLOUD_API_KEY, settings.DELIVERY_KEYS = "cloudinary", "874837483274837", ["secret"]
    ours, theirs, native = (organization_signer(pk) for pk in (organization.pk, other_organization.pk, None))
    assert ours == theirs == native == Signer("874837483274837", ("secret",))


def test_notifications_are_verified_as_cloudinary_signs_them(signer: Signer) -> None:
    body, moment, secret = '{"é": 1}', int(time.time()), signer.secrets[0]
    before = cloudinary.config().api_secret
    cloudinary.config(api_secret=secret)
    try:
        for algorithm in ("sha1", "sha256"):
            text = f"{body}{moment}{secret}"
            made = cloudinary.utils.compute_hex_hash(text, algorithm)
            assert signer.verifies_notification(body.encode(), str(moment), made)
        assert cloudinary.utils.verify_notification_signature(
            body, moment, signer.notification_signature(body.encode(), str(moment))
        )
    finally:
        cloudinary.config(api_secret=before)
    assert not signer.verifies_notification(body.encode() + b" ", str(moment), made)
    assert not signer.verifies_notification(body.encode(), str(moment + 1), made)
    assert not signer.verifies_notification(b"\xff\xfe", "no number", "é" * 40)
    assert not Upload.objects.exists()
