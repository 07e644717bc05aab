"""Originals that arrived and wait to become images."""
