"""The routes of albums: under /api/v1, and outside of it."""
