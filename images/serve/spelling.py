"""One picture has one URL: whatever else the server would read as the same is redirected to it (API: image rendering).

Otherwise one signed URL would be any number of them, and each would be cached by itself in front of this server.
"""

import re
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect

from images.delivery import signed_urls

ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)


def redirect_to_one_spelling(request: HttpRequest, path: str) -> HttpResponseRedirect | None:
    """The redirect of a request for the decoded `path` below `/<cloud>/image/` that is spelled otherwise; else None.

    The server tells the request line as it came (RAW_URI); where one does not, the query string alone can be seen.
    """
    asked = ORIGIN.sub("", request.META.get("RAW_URI", ""), count=1)
    expected = f"/{settings.CLOUD_NAME}/image/{one_spelling(path)}"
    if asked in ("", expected) and not request.META.get("QUERY_STRING"):
        return None
    location = f"{signed_urls.current_delivery().base}/image/{one_spelling(path)}"
    return HttpResponseRedirect(location, headers={"Cache-Control": "no-cache"})


def one_spelling(path: str) -> str:
    """The decoded path as `Delivery.url` writes it."""
    head, slash, file = path.rpartition("/")
    return f"{quote(head, safe='/,')}{slash}{signed_urls.escape(file)}"
