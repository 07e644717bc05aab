"""An original becomes a processed image."""
