"""Pictures over HTTP: image URLs, originals, thumbnail links and proxy URLs (API: image rendering)."""
