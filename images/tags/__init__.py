"""Tags: the words that an organization sorts its images by."""
