"""The only code that makes, signs and checks image URLs (API: image URLs)."""
