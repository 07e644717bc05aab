"""The only place that opens URLs of strangers: pictures imported by URL, notifications that an uploader asked for.

A name is resolved once, all its addresses are judged, and the connection goes to a judged address: what the name leads
to a moment later does not matter. Each redirect starts over. Nothing but Refused and Failed comes out of here.
"""

from sharinpix.fetching.client import Failed, Fetched, check, fetch, post
from sharinpix.fetching.places import Refused

__all__ = ["Failed", "Fetched", "Refused", "check", "fetch", "post"]
