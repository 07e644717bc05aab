"""Reads and checks the environment (README, *Settings*). Every error is a sentence that names its variable."""

import hashlib
import hmac
import ipaddress
import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

THREADS_PER_PROCESS = 32
"""Threads of one web process, made on demand. Half of them may wait for pictures, the others are there for the API."""


class Cloudinary(NamedTuple):
    """What a `CLOUDINARY_URL` names: cloudinary://key:secret@cloud."""

    key: str
    secret: str
    cloud: str


def text(name: str, default: str = "") -> str:
    """The variable's value without surrounding white space; an empty one counts as unset."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: str = "0") -> bool:
    """True for 1, true, yes and on; False for 0, false, no and off."""
    value = text(name, default).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def number(name: str, default: int, *, least: int = 1, most: int = 65_535) -> int:
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """A comma separated list; empty members are dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def folder(path: Path) -> Path:
    """The folder, made where it is missing."""
    path.mkdir(mode=0o750, parents=True, exist_ok=True)
    return path


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value


def base_url(name: str, default: str, *, path: bool = True) -> str:
    """An http(s) URL without a trailing slash, query or fragment; `path=False` refuses a path too."""
    value = text(name, default).rstrip("/")
    try:
        parts = urlsplit(value)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment or "@" in parts.netloc or (parts.path and not path):
        raise ImproperlyConfigured(f"{name} must look like https://pictures.example.com, not {value!r}.")
    return value


def name_of_cloud(name: str, default: str) -> str:
    """The first segment of image URLs; it may not be one that other routes begin with."""
    value = text(name, default)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise ImproperlyConfigured(f"{name} may hold letters, digits, - and _ alone, not {value!r}.")
    if value in {"admin", "api", "assets", "images", "proxy", "static", "v1_1"}:
        raise ImproperlyConfigured(f"{name} may not be {value!r}: other routes begin with it.")
    return value


def origins(name: str) -> list[str]:
    """A comma separated list of origins: scheme, host and port."""
    found = words(name)
    for origin in found:
        if not re.fullmatch(r"https?://[^/\s?#@]+", origin):
            raise ImproperlyConfigured(f"{name} must hold origins such as https://app.example.com, not {origin!r}.")
    return found


def networks(name: str) -> list[str]:
    """A comma separated list of networks in CIDR notation."""
    found = words(name)
    for network in found:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must hold networks such as 127.0.0.0/8, not {network!r}.") from error
    return found


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:  # unknown, no relative path, a folder
        raise ImproperlyConfigured(f"{name} must be a time zone such as Europe/Paris, not {value!r}.") from error
    return value


def cloudinary() -> Cloudinary | None:
    """The parsed CLOUDINARY_URL. Checked here, since the `cloudinary` package raises at import on a malformed one."""
    value = text("CLOUDINARY_URL")
    if not value:
        return None
    found = re.fullmatch(r"cloudinary://([^:@/\s]+):([^:@/\s]+)@([A-Za-z0-9_-]+)(?:[/?].*)?", value)
    if not found:
        raise ImproperlyConfigured("CLOUDINARY_URL must look like cloudinary://key:secret@cloud.")
    return Cloudinary(*found.groups())


def secret_key(data_dir: Path, *, debug: bool) -> str:
    """SECRET_KEY, else the key that `make run` keeps in DATA_DIR, else (with DEBUG alone) a well-known one."""
    if value := text("SECRET_KEY"):
        return value
    kept = data_dir / "secret_key"
    if kept.is_file() and (value := kept.read_text().strip()):
        return value
    if debug:
        return "well-known-key-of-debug-mode-" + "0" * 32
    raise ImproperlyConfigured(
        "SECRET_KEY is not set: give the server a long random one (`make run` makes and keeps its own)."
    )


def derived_key(secret: str, purpose: str) -> str:
    """A key of its own for one purpose, hex of HMAC-SHA-256, so that no two uses of SECRET_KEY share a key."""
    return hmac.new(secret.encode(), f"sharinpix.{purpose}".encode(), hashlib.sha256).hexdigest()
