"""Albums that come from elsewhere: a folder of photographs, or the answer of another server."""
