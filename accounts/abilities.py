"""What the claims of a token grant (API: authentication, abilities): pure functions over the decoded JWT.

The holder of a secret signs any claims: every level may be of any type, and one of another type than expected grants
nothing.
"""

from collections.abc import Mapping
from typing import Any

Claims = Mapping[str, Any]

IMAGE_URL_CLAIMS = frozenset({"image_id", "transformations", "sharinpix"})
"""Claims that make a token a signed picture URL (API: image rendering)."""
UPLOAD_CLAIMS = frozenset({"organization_id", "album_id"})
"""Claims that together make a token that of an upload webhook (API: Cloudinary webhook)."""
PERSONS_ABILITIES = frozenset({"image_delete", "image_upload", "image_rotate", "image_crop", "image_download", "stats"})
"""Abilities that the X-access headers show for a user token in every album (API: X-access headers)."""


def is_for_uploads(claims: Claims) -> bool:
    """Whether the token is that of an upload webhook, which is valid nowhere else."""
    return claims.keys() >= UPLOAD_CLAIMS


def is_for_the_api(claims: Claims) -> bool:
    """Whether the token is valid on the API: one signed for a picture or a webhook is not (API: authentication)."""
    names = claims.keys()
    picture = IMAGE_URL_CLAIMS & names or ("id" in names and not {"abilities", "admin", "q"} & names)
    return not picture and not is_for_uploads(claims)


def is_admin(claims: Claims) -> bool:
    """Whether the token has every right in the secret's organization: `admin` is the JSON value true."""
    return claims.get("admin") is True


def access(claims: Claims, album_id: str) -> Mapping[str, Any]:
    """`abilities[album_id].Access`, or an empty mapping where any level of it is missing or malformed."""
    value: Any = claims
    for key in ("abilities", album_id, "Access"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def albums_granting(claims: Claims, ability: str) -> list[str]:
    """The ids of the albums whose Access grants the ability, in the token's order."""
    abilities = claims.get("abilities")
    if not isinstance(abilities, Mapping):
        return []
    return [album_id for album_id in abilities if access(claims, album_id).get(ability) is True]


def may_create_tag(claims: Claims, name: str) -> bool:
    """Whether `abilities.tags` lets the token make a tag of this name that its organization lacks (API: tags)."""
    abilities = claims.get("abilities")
    tags = abilities.get("tags") if isinstance(abilities, Mapping) else None
    if not isinstance(tags, Mapping):
        return False
    create, automatic = tags.get("create"), tags.get("auto_tag")
    named = automatic if isinstance(automatic, list) else [automatic]
    return create is True or create == "true" or name in named
