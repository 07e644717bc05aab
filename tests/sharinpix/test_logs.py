"""The lines of our logs: JSON objects, whatever a request holds."""

import json
import logging
import sys

import pytest

from sharinpix.logs import JSONFormatter, without_keys

pytestmark = pytest.mark.any_database
FORGED = '\r\n{"level": "INFO"}\x1b[31m\x9b\u2028\ud800'


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    trace = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("a.b", logging.WARNING, __file__, 1, message, arguments, trace)


def test_a_message_is_one_line_of_plain_ascii() -> None:
    line = JSONFormatter().format(record("Not sent: %s", FORGED))
    assert line.isascii() and line.isprintable()
    assert json.loads(line)["message"] == f"Not sent: {FORGED}"
    assert json.loads(line)["level"] == "WARNING"


def test_a_traceback_is_in_the_same_line() -> None:
    try:
        raise ValueError(FORGED)
    except ValueError as error:
        line = JSONFormatter().format(record("failed", error=error))
    assert line.isascii() and line.isprintable()
    assert "ValueError" in json.loads(line)["traceback"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/api/v1/image_syncs", "/api/v1/image_syncs"),
        ("/x/image/upload/s--EW9JIxZi--/c_fit/a.jpg", "/x/image/upload/s--…--/c_fit/a.jpg"),
        (f"/a/eyJ{'a' * 30}.eyJ{'b' * 30}.{'c' * 43}/b", "/a/…/b"),
    ],
)
def test_what_opens_something_is_left_out_of_paths(path: str, shown: str) -> None:
    assert without_keys(path) == shown


def test_the_loggers_of_the_project_write_it() -> None:
    handler = next(
        handler for handler in logging.getLogger().handlers if getattr(handler, "stream", None) is sys.stderr
    )
    assert isinstance(handler.formatter, JSONFormatter)
