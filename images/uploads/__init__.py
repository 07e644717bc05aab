"""Uploads: originals that were received, until an image is made of them."""
