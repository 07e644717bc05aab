"""Reads and checks the environment (docs/operations.md, *Settings*). Every error is a sentence that names its variable.

django-environ reads and casts; what is added here are ranges, shapes and sentences.
"""

import ipaddress
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from environ import Env

from sharinpix.private_files import close_to_others, private_database

THREADS_PER_PROCESS = 32
"""Threads of one web process, started on demand. At most half of them wait for renderings; the API has the others."""


class Cloudinary(NamedTuple):
    """What a `CLOUDINARY_URL` names: cloudinary://key:secret@cloud."""

    key: str
    secret: str
    cloud: str


def text(name: str, default: str = "") -> str:
    """The variable's value without surrounding white space; an empty one counts as unset."""
    # Not Env.str, which takes a value that begins with $ for the name of another variable: keys may begin so.
    return Env.ENVIRON.get(name, "").strip() or default


def flag(name: str, default: str = "0") -> bool:
    """True for 1, true, yes and on; False for 0, false, no and off."""
    value = text(name, default).lower()
    if value not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return bool(Env.parse_value(value, bool))


def number(name: str, default: int, *, least: int = 1, most: int = 65_535) -> int:
    value = text(name, str(default))
    if not re.fullmatch("[0-9]+", value) or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def host(name: str, default: str) -> str:
    """An address or name to listen at; one of IPv6 comes in brackets."""
    value = text(name, default).strip("[]")
    if ":" in value:
        try:
            return f"[{ipaddress.IPv6Address(value)}]"
        except ValueError:
            value = ""
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", value):
        raise ImproperlyConfigured(f"{name} must be an address to listen at, such as 127.0.0.1 or 0.0.0.0.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma separated list; empty members are dropped."""
    members: list[str] = Env.parse_value(text(name, default), list)
    return [word.strip() for word in members if word.strip()]


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
    """The first segment of image URLs; a segment that other routes begin with is refused."""
    value = text(name, default)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise ImproperlyConfigured(f"{name} may hold letters, digits, - and _ alone, not {value!r}.")
    if value in {"admin", "api", "assets", "images", "proxy", "static", "v1_1"}:
        raise ImproperlyConfigured(f"{name} may not be {value!r}: other routes begin with it.")
    return value


def path_segment(name: str, default: str) -> str:
    """A text that can be one segment of a path, as the id of an album."""
    value = text(name, default)
    if len(value) > 255 or "/" in value or value in {".", ".."} or not value.isprintable():
        raise ImproperlyConfigured(f"{name} must be the id of an album: 1 to 255 characters without a slash.")
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
    close_to_others(kept)
    if kept.is_file() and (value := kept.read_text().strip()):
        return value
    if debug:
        return "well-known-key-of-debug-mode-" + "0" * 32
    raise ImproperlyConfigured(
        "SECRET_KEY is not set: give the server a long random one (`make run` makes and keeps its own)."
    )


SILENCE = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}
"""How long a host that has vanished from the network holds a thread; left to the kernel it is two hours."""


def database(data_dir: Path, *, prepared_statements: bool) -> dict[str, Any]:
    """The connection of DATABASE_URL (default: SQLite in `data_dir`), with what each engine needs under load."""
    url = text("DATABASE_URL", f"sqlite:///{data_dir / 'db.sqlite3'}")
    try:
        config: dict[str, Any] = Env.db_url_config(url)
        engine = config["ENGINE"]
    except Exception as error:
        raise ImproperlyConfigured("DATABASE_URL must look like postgresql://user:password@host:5432/name.") from error
    options = config.setdefault("OPTIONS", {})
    if engine == "django.db.backends.sqlite3":
        # A transaction that reads before it writes must queue for the lock at its start: a deferred one fails at once.
        options.update(
            transaction_mode="IMMEDIATE",
            timeout=20,
            init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=1073741824;",
        )
        config["TEST"] = {"NAME": str(data_dir / "test.sqlite3")}
        private_database(str(config["NAME"]))
    elif engine == "django.db.backends.postgresql":
        for name, value in SILENCE.items():
            options.setdefault(name, value)
        if prepared_statements:
            # Left to itself PostgreSQL plans a prepared statement anew until it has seen that this gains nothing, which
            # at four ids costs more than running it. Only `sharinpix.prepared` prepares any.
            given = options.get("options", "")
            options["options"] = f"{given} -c plan_cache_mode=force_generic_plan".strip()
        config["ENGINE"] = "sharinpix.postgresql"
    else:
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL or SQLite database.")
    config.update(CONN_MAX_AGE=600, CONN_HEALTH_CHECKS=True)
    return config
