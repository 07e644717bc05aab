"""What the web server (gunicorn) does otherwise here: deadlines, and its log."""
