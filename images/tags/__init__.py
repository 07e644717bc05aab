"""Tags: words that an organization gives its images."""
