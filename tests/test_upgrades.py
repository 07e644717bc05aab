"""Databases that earlier commits made become, by `migrate` alone, what a new one is (see tests/data/databases)."""

import gzip
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import jwt
import psycopg2
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.encryption import decrypt
from tests.factories import bearer, jpeg
from tests.servers import ROOT, Web, database

DATA = Path(__file__).parent / "data"
ENGINE = "postgresql" if os.environ.get("DATABASE_URL", "").startswith("postgres") else "sqlite"
COMMITS = sorted(path.name.partition(".")[0] for path in (DATA / "databases").glob(f"*.{ENGINE}.sql.gz"))

Schema = dict[str, str]
"""Definitions by what they define, such as `index image_order`."""
Rows = dict[str, list[dict[str, Any]]]
"""By table."""


class Database:
    """One beside that of the tests, and the server on it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.web = Web(folder, url, WEB_CONCURRENCY="1")
        self.url = url

    def connect(self) -> Any:
        return (
            sqlite3.connect(self.url.removeprefix("sqlite:///")) if ENGINE == "sqlite" else psycopg2.connect(self.url)
        )

    def load(self, statements: str) -> None:
        with closing(self.connect()) as connection:
            if ENGINE == "sqlite":
                connection.executescript(statements)
            else:
                connection.cursor().execute(statements)
                connection.commit()

    def migrate(self) -> None:
        """As an operator does. A failure shows what an operator would read."""
        command = [sys.executable, "manage.py", "migrate"]
        done = subprocess.run(command, cwd=ROOT, env=self.web.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, query: str) -> list[dict[str, Any]]:
        with closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def schema(self) -> Schema:
        return sqlite_schema(self) if ENGINE == "sqlite" else postgresql_schema(self)

    def rows(self) -> Rows:
        """All but the history."""
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if ENGINE == "postgresql":
            tables = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        names = [found["name"] for found in self.ask(tables)]
        return {name: self.ask(f'SELECT * FROM "{name}"') for name in names if name != "django_migrations"}

    def history(self) -> set[tuple[str, str]]:
        return {(row["app"], row["name"]) for row in self.ask("SELECT app, name FROM django_migrations")}


def sqlite_schema(database: Database) -> Schema:
    """SQLite keeps the text of what made each thing; a table's is taken apart, since columns may come in any order."""
    found: Schema = {}
    for kind, name, table, text in (
        tuple(row.values()) for row in database.ask("SELECT type, name, tbl_name, sql FROM sqlite_master")
    ):
        if name.startswith("sqlite_"):
            continue  # SQLite's own, or an index that a constraint in the table's text makes
        words = words_of(text)
        if kind != "table":
            found[f"{kind} {name} of {table}"] = " ".join(words)
            continue
        start, end = words.index("("), len(words) - words[::-1].index(")") - 1
        found[f"table {name}"] = " ".join(words[end + 1 :])
        for part in parts_of(words[start + 1 : end]):
            if part[0] == "constraint":
                found[f"constraint {part[1]} of {name}"] = " ".join(part[2:])
            elif part[0] in {"check", "unique", "primary", "foreign"}:
                found[f"constraint of {name}: {' '.join(part)}"] = ""
            else:
                found[f"column {name}.{part[0]}"] = " ".join(part[1:])
    return found


def words_of(text: str) -> list[str]:
    """The words and signs of a statement: case, quotes of names and white space tell SQLite nothing."""
    found = re.findall(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|[^\s\w]""", text)
    return [word if word[0] == "'" else word.strip('"').lower() for word in found]


def parts_of(words: list[str]) -> Iterator[list[str]]:
    """Splits at the commas that stand in no brackets."""
    part: list[str] = []
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if word == "," and not depth:
            yield part
            part = []
        else:
            part.append(word)
    yield part


OURS = "relnamespace = 'public'::regnamespace"
POSTGRESQL = f"""
    SELECT 'relation ' || relname AS name, concat_ws(' ', relkind, relpersistence, reloptions) AS definition
    FROM pg_class WHERE {OURS} AND relkind NOT IN ('i', 'I', 'S')
  UNION ALL
    SELECT 'column ' || relname || '.' || attname, concat_ws(
        ' ', format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'not null' END,
        'default ' || pg_get_expr(adbin, adrelid), 'identity ' || nullif(attidentity::text, ''),
        'generated ' || nullif(attgenerated::text, ''), 'collate ' || nullif(collname, 'default')
    )
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    WHERE {OURS} AND relkind IN ('r', 'p', 'v', 'm') AND attnum > 0 AND NOT attisdropped
  UNION ALL
    SELECT 'index ' || relname || ' of ' || indrelid::regclass,
        pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE ' (not valid)' END
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE {OURS}
  UNION ALL
    SELECT 'constraint ' || conname || ' of ' || conrelid::regclass, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL
    SELECT 'sequence ' || relname, concat_ws(' ', format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax, seqcycle,
        'of ' || refobjid::regclass || '.' || attname)
    FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
    LEFT JOIN pg_depend ON objid = seqrelid AND pg_depend.classid = 'pg_class'::regclass AND deptype IN ('a', 'i')
    LEFT JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid WHERE {OURS}
  UNION ALL
    SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL
    SELECT 'function ' || oid::regprocedure, pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p')
  UNION ALL
    SELECT 'extension ' || extname, '' FROM pg_extension
"""


def postgresql_schema(database: Database) -> Schema:
    return {row["name"]: plain(row["definition"]) for row in database.ask(POSTGRESQL)}


def plain(definition: str) -> str:
    """Without casts between kinds of text, and brackets that then hold one thing: PostgreSQL reads `IN` of a migration,
    and its own spelling of it in a dump, into casts at different places."""
    found, before = re.sub(r"::(?:character varying|text)(?:\[\])?", "", definition), ""
    while found != before:
        before, found = found, re.sub(r"(?<!\w)\(('(?:[^']|'')*'|ARRAY\[[^][]*\])\)", r"\1", found)
    return found


def differences(upgraded: Schema, fresh: Schema) -> list[str]:
    """A sentence for each."""
    lacking = [f"It lacks {name}: {fresh[name]}" for name in fresh.keys() - upgraded.keys()]
    beyond = [f"A new one has no {name}: {upgraded[name]}" for name in upgraded.keys() - fresh.keys()]
    both = [name for name in fresh.keys() & upgraded.keys() if fresh[name] != upgraded[name]]
    return sorted(lacking + beyond + [f"Its {name} is {upgraded[name]}; a new one's is {fresh[name]}" for name in both])


def lost(before: Rows, after: Rows) -> list[str]:
    """The rows of before that are gone, or have other values. A column that is gone on purpose is the schema's matter."""
    found = []
    for table, rows in before.items():
        now = after.get(table, [])
        columns = sorted(set.intersection(*(set(row) for row in [*rows, *now]))) if rows else []
        past, present = (Counter(str({name: row[name] for name in columns}) for row in some) for some in (rows, now))
        found += [f"{table} has lost {row}" for row in past - present]
    return found


class Upgraded(NamedTuple):
    database: Database
    before: Rows
    after: Rows


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("fresh")
    with database(folder) as url:
        made = Database(folder, url)
        made.migrate()
        yield made


@pytest.fixture(scope="module", params=COMMITS)
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    folder = tmp_path_factory.mktemp(request.param)
    with database(folder) as url:
        past = Database(folder, url)
        past.load(gzip.decompress((DATA / "databases" / f"{request.param}.{ENGINE}.sql.gz").read_bytes()).decode())
        before = past.rows()
        past.migrate()
        yield Upgraded(past, before, past.rows())


def test_there_are_databases_of_the_past() -> None:
    assert {"62700f8", "286e9af", "5877400"} <= set(COMMITS)


def test_its_schema_is_that_of_a_new_one(upgraded: Upgraded, fresh: Database) -> None:
    found = differences(upgraded.database.schema(), fresh.schema())
    assert not found, "\n".join(found)


def test_its_history_is_that_of_a_new_one(upgraded: Upgraded, fresh: Database) -> None:
    assert upgraded.database.history() == fresh.history()


def test_it_loses_no_row(upgraded: Upgraded) -> None:
    found = lost(upgraded.before, upgraded.after)
    assert not found, "\n".join(found)


def test_the_server_works_on_it(upgraded: Upgraded) -> None:
    past, web = upgraded.database, upgraded.database.web
    secret = past.ask("SELECT id, ciphertext FROM accounts_secret WHERE revoked_at IS NULL")[0]
    token = jwt.encode(
        {"admin": True, "iss": dashed(secret["id"])}, decrypt(secret["ciphertext"], [settings.SECRET_KEY]), "HS256"
    )
    known = tags_by_image(past)
    assert known and any(known.values())
    web.start()
    try:
        assert answered(web, token) == known

        picture = SimpleUploadedFile("new.jpg", jpeg(), "image/jpeg")
        body = encode_multipart(BOUNDARY, {"file": picture, "tags[]": ["outside", "new"]})
        image = json.loads(ask(web, "/api/v1/albums/a00-house/images", token, body, MULTIPART_CONTENT))
        assert (image["processed"], image["processing_error"]) == (True, None)
        assert answered(web, token) == known | {image["id"]: ["new", "outside"]}
    finally:
        web.stop()


def tags_by_image(database: Database) -> dict[str, list[str]]:
    """What the default organization shows, read past the application."""
    images = """
        SELECT images_image.id FROM images_image JOIN albums_album ON albums_album.id = album_id
        JOIN accounts_organization ON accounts_organization.id = organization_id
        WHERE is_default AND trashed_at IS NULL
    """
    found: dict[str, list[str]] = {dashed(row["id"]): [] for row in database.ask(images)}
    taggings = "SELECT image_id, name FROM images_tagging JOIN images_tag ON images_tag.id = tag_id ORDER BY name"
    for row in database.ask(taggings):
        if (image_id := dashed(row["image_id"])) in found:
            found[image_id].append(row["name"])
    return found


def dashed(identity: Any) -> str:
    """SQLite keeps UUIDs without dashes."""
    return str(UUID(str(identity)))


def answered(web: Web, token: str) -> dict[str, list[str]]:
    return {image["id"]: sorted(image["tag_names"]) for image in json.loads(ask(web, "/api/v1/image_syncs", token))}


def ask(web: Web, path: str, token: str, body: bytes | None = None, kind: str = "") -> bytes:
    headers = {"Authorization": bearer(token), "Content-Type": kind}
    with urllib.request.urlopen(urllib.request.Request(web.url + path, body, headers), timeout=60) as response:
        return bytes(response.read())


@pytest.mark.django_db
def test_the_migrations_make_what_the_models_say() -> None:
    call_command("makemigrations", check=True, dry_run=True)


def test_landed_migrations_are_not_edited() -> None:
    landed = [line.split() for line in (DATA / "migrations.sha256").read_text().splitlines()]
    assert landed
    edited = [name for digest, name in landed if not (ROOT / name).exists() or digest != digest_of(ROOT / name)]
    assert not edited, (
        f"Edited or gone: {', '.join(edited)}. Databases have run these migrations and will not run them again: "
        "restore the files and write a new migration, whose name says what it adds."
    )


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
