"""What is logged, one JSON object a line: no text of a request can begin a line of its own, or reach a terminal as an
escape sequence. Tokens are never logged, nor are queries, which may hold some."""

import json
import logging
import re
from datetime import UTC, datetime

REQUEST = "sharinpix.request"
"""Key of the environment of a request at which `sharinpix.middleware` leaves its id, route and principal."""
JWT = re.compile(r"eyJ[\w.=-]{20,}")
SIGNATURE = re.compile(r"s--[\w-]{8,32}--")


class JSONFormatter(logging.Formatter):
    """A record as an object: time, level, logger, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": iso(record.created),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": without_keys(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def iso(seconds: float) -> str:
    """Unix seconds as ISO 8601 in UTC, with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def without_keys(text: str) -> str:
    """The text without what opens something: tokens, and the signatures of pictures."""
    if "eyJ" in text:
        text = JWT.sub("…", text)
    return SIGNATURE.sub("s--…--", text) if "s--" in text else text
