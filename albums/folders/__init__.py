"""Imports by operators: folders of photographs, and answers of image_syncs from another server."""
