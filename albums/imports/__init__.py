"""Imports: pictures that the server fetches from URLs (API: imports)."""
