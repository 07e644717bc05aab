"""Parses and verifies image URLs (API: image URLs)."""

import hashlib
import re
from typing import NamedTuple

from django.http import HttpRequest

from images.delivery import signed_urls
from images.delivery.transformations import Transformation

PATH = re.compile(
    r"(?P<kind>[a-z]+)/s--(?P<signature>[^/]+)--/"
    r"(?:(?P<chain>.+?)/)??(?:v(?P<version>0|[1-9][0-9]{0,17})/)?(?P<public_id>[^/\0]+)\.(?P<extension>[a-z0-9]{1,8})",
    re.DOTALL,
)


class NotSigned(Exception):
    """The signature is of no signing key of this server."""


class Wanted(NamedTuple):
    """A verified image URL: `kind` is the delivery type, `webp` whether the client accepts WebP."""

    kind: str
    public_id: str
    version: int | None
    transformation: Transformation
    extension: str
    webp: bool

    @classmethod
    def parse(cls, path: str, *, webp: bool) -> "Wanted | None":
        """From `<type>/s--<sig>--/<chain>/v<version>/<public id>.<ext>`; None for another path (API: image URLs).

        Raises NotSigned, and TransformationError for a chain outside the grammar.
        """
        found = PATH.fullmatch(path)
        if not found:
            return None
        signed = f"{signed_urls.escape(found['public_id'])}.{found['extension']}"
        signed = f"{found['chain']}/{signed}" if found["chain"] else signed
        if not signed_urls.current_delivery().verifies(signed, found["signature"]):
            raise NotSigned
        version = int(found["version"]) if found["version"] else None
        chain = Transformation.parse(found["chain"] or "")
        return cls(found["kind"], found["public_id"], version, chain, found["extension"], webp)

    @property
    def digest(self) -> str:
        """SHA-256 in hex of everything besides the original that decides the bytes of the derived file."""
        webp = self.transformation.format == "auto" and self.webp
        facts = f"{self.kind}|{self.version}|{self.transformation}|{self.extension}|{webp}"
        return hashlib.sha256(facts.encode()).hexdigest()


def accepts_webp(request: HttpRequest) -> bool:
    """Whether `Accept` names image/webp itself, and prefers no JPEG to it (RFC 9110, *Accept*).

    Browsers that know no WebP send `image/*`, so that a range says nothing.
    """
    if "webp" not in request.META.get("HTTP_ACCEPT", "").lower():
        return False
    webp, jpeg = request.accepted_type("image/webp"), request.accepted_type("image/jpeg")
    if webp is None or webp.sub_type != "webp":
        return False
    return jpeg is None or bool(webp.quality >= jpeg.quality)
