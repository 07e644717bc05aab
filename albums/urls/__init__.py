"""Routes of albums: `api` stands below /api/v1/, `public` at the root."""
