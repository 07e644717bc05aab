"""Routes of images: `api` stands below /api/v1/, `public` at the root."""
