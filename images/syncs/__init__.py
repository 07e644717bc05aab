"""The resync: reading its request, and its answer from stored texts (API: image syncs)."""
