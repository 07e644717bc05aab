"""The log of requests: a JSON object for each answer (docs: operations, *Logs*)."""

import json
import time
from typing import Any

from gunicorn.glogging import Logger

from sharinpix.logs import REQUEST, JSONFormatter, iso, without_keys


class AccessLog(Logger):  # type: ignore[misc]
    """`logger_class` of gunicorn: a line for each answer, and gunicorn's own messages in the same form."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JSONFormatter())

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        if not self.access_log_enabled:
            return
        request_id, route, principal = environ.get(REQUEST, (None, None, None))
        line = {
            "time": iso(time.time()),
            "id": request_id,
            "method": environ.get("REQUEST_METHOD"),
            "route": route,
            "path": without_keys(environ.get("PATH_INFO", "")),
            "status": int(str(resp.status).split(None, 1)[0]),
            "ms": round(request_time.total_seconds() * 1_000, 1),
            "bytes": getattr(resp, "sent", 0),
            "principal": principal,
            "address": environ.get("REMOTE_ADDR"),
        }
        self.access_log.info("%s", json.dumps(line))
