"""POST forms with a signed policy, as S3 takes them (pure; AWS's documentation, *Authenticating requests: POST*)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from images.delivery.signing import matches

ALGORITHM = "AWS4-HMAC-SHA256"
SCOPE = "local/s3/aws4_request"
UNSIGNED = {"policy", "x-amz-signature", "file"}


class PolicyViolated(Exception):
    """The form is not signed by this server, has expired, or contradicts its policy; str() is a sentence."""


def signed_form(
    fields: Mapping[str, str], *, bucket: str, size: int, key_id: str, secret: str, now: datetime, hours: int
) -> dict[str, str]:
    """The fields, a policy that allows exactly them and a file of `size` bytes, and its signature."""
    date = now.strftime("%Y%m%d")
    stamps = {
        "x-amz-credential": f"{key_id}/{date}/{SCOPE}",
        "x-amz-algorithm": ALGORITHM,
        "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
    }
    named = [{name: value} for name, value in {**fields, **stamps}.items()]
    policy = {
        "expiration": (now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": [{"bucket": bucket}, *named, ["content-length-range", size, size]],
    }
    encoded = base64.b64encode(orjson.dumps(policy)).decode()
    return {**fields, "policy": encoded, **stamps, "x-amz-signature": signature(encoded, date, secret)}


def signature(policy: str, date: str, secret: str) -> str:
    key = b"AWS4" + secret.encode()
    for part in (date, *SCOPE.split("/")):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()


def allowed(
    fields: Mapping[str, Any], size: int, *, bucket: str, secrets: Iterable[str], now: datetime
) -> dict[str, str]:
    """The fields that a form's signed policy names, if the form and its file of `size` bytes are what it allows.

    Raises PolicyViolated. Read only the returned fields: the form may hold a name twice, in another case.
    """
    sent = {name.lower(): value for name, value in fields.items()}
    policy, given = str(sent.get("policy", "")), str(sent.get("x-amz-signature", ""))
    date = str(sent.get("x-amz-date", ""))[:8]
    if not matches(given, (signature(policy, date, secret) for secret in secrets)):
        raise PolicyViolated("The signature does not match.")
    document = orjson.loads(base64.b64decode(policy))  # valid, since the signature is this server's
    if datetime.fromisoformat(document["expiration"]) < now.astimezone(UTC):
        raise PolicyViolated("The form has expired.")
    _, *named, (_, least, most) = document["conditions"]
    signed = {name: value for condition in named for name, value in condition.items()}
    if document["conditions"][0] != {"bucket": bucket} or not least <= size <= most:
        raise PolicyViolated(f"The form is for a file of {least} bytes.")
    for name, value in signed.items():
        if sent.get(name.lower()) != value:
            raise PolicyViolated(f"The form says something else about {name} than its policy.")
    if more := sent.keys() - {name.lower() for name in signed} - UNSIGNED:
        raise PolicyViolated(f"The policy does not allow {min(more)!r}.")
    return signed
