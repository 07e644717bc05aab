"""The environment of the tests, set before Django reads its settings. DATABASE_URL alone is taken from outside."""

import atexit
import os
import shutil
import tempfile

OURS = [
    "SECRET_KEY_FALLBACKS",
    "PROXY_URL",
    "CLOUDINARY_URL",
    "DELIVERY",
    "DELIVERY_URL",
    "CLOUD_NAME",
    "SIGNING_KEYS",
    "RETIRED_SIGNING_KEYS",
    "LONG_SIGNATURES",
    "S3_BUCKET",
    "S3_ENDPOINT_URL",
    "AWS_REGION",
    "IMPORT_ALLOW_NETS",
    "CORS_ORIGINS",
    "TRUSTED_PROXIES",
    "SECRET_TOKEN_MAX_HOURS",
    "ALLOWED_HOSTS",
    "HOST",
    "PORT",
    "WEB_CONCURRENCY",
    "DERIVED_CACHE_MB",
    "CELERY_BROKER_URL",
    "PROCESSING_TIMEOUT",
    "FAULT_AT",
    "MAX_UPLOAD_MB",
    "MAX_MEGAPIXELS",
    "MAX_FRAMES",
    "NATIVE_UPLOAD",
    "UPLOAD_ALBUM",
    "NATIVE_REQUESTS_PER_DAY",
    "NATIVE_MB_PER_DAY",
    "NATIVE_UNCLAIMED_MB",
    "MAX_SCANS",
    "MAX_PARTS",
    "MAX_METADATA_MB",
    "DECODE_SECONDS",
]

for name in OURS:
    os.environ.pop(name, None)
folder = tempfile.mkdtemp(prefix="sharinpix-tests-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ |= {
    "DEBUG": "0",
    "SECRET_KEY": "tests-0123456789-0123456789-0123456789-0123456789-0123456789",
    "DATA_DIR": folder,
    "PUBLIC_URL": "http://testserver",
    "TIME_ZONE": "Europe/Paris",
    "WEB_CONCURRENCY": "4",
}
