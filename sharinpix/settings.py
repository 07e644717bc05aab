"""Every setting of the server, read from the environment (docs/operations.md, *Settings*)."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from corsheaders.defaults import default_headers
from django.core.exceptions import ImproperlyConfigured

from sharinpix import env, patches, signing_keys
from sharinpix.private_files import private_folder

patches.apply()

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = env.flag("DEBUG")
DATA_DIR = Path(env.text("DATA_DIR", "var"))
DATA_DIR = DATA_DIR if DATA_DIR.is_absolute() else BASE_DIR / DATA_DIR
private_folder(DATA_DIR)

SECRET_KEY = env.secret_key(DATA_DIR, debug=DEBUG)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")

# Where we are, as others see us
PORT = env.number("PORT", 8000)
PUBLIC_URL = env.base_url("PUBLIC_URL", f"http://localhost:{PORT}", path=False)
PROXY_URL = env.base_url("PROXY_URL", f"{PUBLIC_URL}/proxy")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or [str(urlsplit(PUBLIC_URL).hostname), "localhost", "127.0.0.1"]
WEB_CONCURRENCY = env.number("WEB_CONCURRENCY", os.cpu_count() or 1, most=1024)
CORS_ORIGINS = env.origins("CORS_ORIGINS")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, least=0, most=10)  # in front of us: what they say of clients holds

# Delivery: who makes and signs the image URLs
cloudinary = env.cloudinary()  # lower case: the cloudinary package would read a setting of its own name
DELIVERY = env.choice("DELIVERY", "cloudinary" if cloudinary else "local", ("local", "cloudinary"))
KNOWN_SIGNING_KEYS = signing_keys.known_keys(SECRET_KEY, SECRET_KEY_FALLBACKS)
SIGNING_KEYS = signing_keys.usable_keys(KNOWN_SIGNING_KEYS)
if DELIVERY == "cloudinary":
    if not cloudinary:
        raise ImproperlyConfigured("DELIVERY=cloudinary needs CLOUDINARY_URL=cloudinary://key:secret@cloud.")
    CLOUD_NAME, CLOUD_API_KEY = cloudinary.cloud, cloudinary.key
    DELIVERY_KEYS = [cloudinary.secret]
    DELIVERY_URL = env.base_url("DELIVERY_URL", "https://res.cloudinary.com")
else:
    CLOUD_NAME = env.name_of_cloud("CLOUD_NAME", "sharinpix")
    DELIVERY_KEYS = SIGNING_KEYS
    DELIVERY_URL = env.base_url("DELIVERY_URL", PUBLIC_URL)
LONG_SIGNATURES = env.flag("LONG_SIGNATURES")
X_ACCEL_REDIRECT = env.text("X_ACCEL_REDIRECT")  # e.g. /kept/, where nginx has an internal location
DERIVED_CACHE_MB = env.number("DERIVED_CACHE_MB", 5_000, most=10_000_000)

# Uploads: how large a file may be, and how large a picture may claim to be before it is decoded
MAX_UPLOAD_MB = env.number("MAX_UPLOAD_MB", 100, most=10_000)
MAX_MEGAPIXELS = env.number("MAX_MEGAPIXELS", 100, most=10_000)  # over all frames
MAX_FRAMES = env.number("MAX_FRAMES", 500)
MAX_SCANS = env.number("MAX_SCANS", 100)  # of a progressive JPEG: encoders make ten
MAX_PARTS = env.number("MAX_PARTS", 50_000, most=10_000_000)  # segments, chunks, tags, strips, tiles, boxes
MAX_METADATA_MB = env.number("MAX_METADATA_MB", 16, most=1_000)
DECODE_SECONDS = env.number("DECODE_SECONDS", 2, most=600)  # of processor time, and more by the megapixel

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "sharinpix",
    "accounts",
    "images",
    "albums",
]
MIDDLEWARE = [
    "sharinpix.middleware.StandardHeaders",
    "sharinpix.middleware.Compression",
    "sharinpix.middleware.ServiceErrors",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
if CORS_ORIGINS:
    INSTALLED_APPS.append("corsheaders")
    MIDDLEWARE.insert(2, "corsheaders.middleware.CorsMiddleware")
    CORS_ALLOWED_ORIGINS = CORS_ORIGINS
    CORS_URLS_REGEX = r"^/(?:api/v1/|v1_1/|storage_files$)"
    CORS_ALLOW_HEADERS = [*default_headers, "content-range", "idempotency-key", "x-unique-upload-id"]
    shown = (
        "image_delete image_upload image_share image_rotate image_crop stats image_copy paste share image_duplicate "
        "create_tag image_download image_annotate fullscreen einstein_box crop rotate duplicate admin"
    ).split()
    CORS_EXPOSE_HEADERS = ["X-token", "X-message", "Link", *(f"X-access-{ability}" for ability in shown)]

ROOT_URLCONF = "sharinpix.urls"
WSGI_APPLICATION = "sharinpix.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Uploads
MAX_UPLOAD = MAX_UPLOAD_MB * 1_000_000
UPLOAD_ALBUM = env.path_segment("UPLOAD_ALBUM", "uploads")  # of uploads by upload key until they are claimed
NATIVE_UPLOAD = env.flag("NATIVE_UPLOAD")  # needs no token until an image is made
NATIVE_REQUESTS_PER_DAY = env.number("NATIVE_REQUESTS_PER_DAY", 2_000, most=10_000_000)  # of one address
NATIVE_BYTES_PER_DAY = env.number("NATIVE_MB_PER_DAY", 4_000, most=10_000_000) * 1_000_000
NATIVE_UNCLAIMED_BYTES = env.number("NATIVE_UNCLAIMED_MB", 20_000, most=10_000_000) * 1_000_000  # of all together
FILE_UPLOAD_HANDLERS = [
    "sharinpix.upload_handlers.BoundedUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_TEMP_DIR = str(private_folder(DATA_DIR / "incoming"))

# Jobs: by workers where there is a broker, else in the request after commit
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL")
CELERY_TASK_DEFAULT_QUEUE = "sharinpix"
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
PROCESSING_TIMEOUT = env.number("PROCESSING_TIMEOUT", 120, least=2, most=1_200)  # seconds that one job may take
CELERY_TASK_TIME_LIMIT = PROCESSING_TIMEOUT
CELERY_TASK_SOFT_TIME_LIMIT = PROCESSING_TIMEOUT * 0.8
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_000_000  # KB; files are decoded in processes of their own
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 3  # seconds
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # its messages have our form too, which no text of a request can forge
SWEEP_EVERY = min(30, PROCESSING_TIMEOUT / 4)  # seconds between two looks for work that no process is at
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # remembers nothing in a file: any number of workers may run one
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "albums.tasks.sweep", "schedule": SWEEP_EVERY, "options": {"expires": SWEEP_EVERY}}
}
# A request that sends a job does not wait for a broker that is away: the sweep will find what is to do.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, float] = {"max_retries": 0}
if CELERY_BROKER_URL.startswith(("redis", "rediss")):
    # Longer than a task may run, since Redis hands a task out again after it whether it runs or not; the other two
    # have it looked at every few seconds instead of every hundred.
    CELERY_BROKER_TRANSPORT_OPTIONS |= {
        "visibility_timeout": PROCESSING_TIMEOUT + 60,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 3,
        "socket_timeout": 10,
    }

# Data
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PREPARED_STATEMENTS = env.flag("PREPARED_STATEMENTS", "1")  # 0 behind a pooler that shares connections by transaction
DATABASES = {"default": env.database(DATA_DIR, prepared_statements=PREPARED_STATEMENTS)}

S3_BUCKET = env.text("S3_BUCKET")
S3_ENDPOINT_URL = env.text("S3_ENDPOINT_URL") and env.base_url("S3_ENDPOINT_URL", "")
if S3_BUCKET:
    originals: dict[str, Any] = {
        "BACKEND": "images.storage.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": S3_ENDPOINT_URL or None,
            "region_name": env.text("AWS_REGION") or None,
            "access_key": env.text("AWS_ACCESS_KEY_ID") or None,
            "secret_key": env.text("AWS_SECRET_ACCESS_KEY") or None,
        },
    }
else:
    originals = {"BACKEND": "images.storage.local.LocalStorage", "OPTIONS": {"location": str(DATA_DIR / "media")}}
STORAGES = {
    "default": originals,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# Requests. A resync names up to 10,000 ids; Django counts the fields of query strings too.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_100
APPEND_SLASH = True

IMPORT_ALLOW_NETS = env.networks("IMPORT_ALLOW_NETS")  # for tests alone: `check --deploy` refuses it

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # emails are unique in any case, by a constraint that the check cannot see
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SECRET_TOKEN_MAX_HOURS = env.number("SECRET_TOKEN_MAX_HOURS", 0, least=0, most=87_600)  # 0: renewed without end
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"  # where a `?next=` that leads to another host leads instead
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_HANDLER = "accounts.lockout.LockoutHandler"
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.address_of"
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "accounts.lockout.name_tried"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.refusal"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasToken"],
    "DEFAULT_RENDERER_CLASSES": ["sharinpix.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "sharinpix.parsers.JSONParser",
        "sharinpix.parsers.FormParser",
        "sharinpix.parsers.MultiPartParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "sharinpix.api.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "sharinpix.schema.PermissionSchema",
    "EXCEPTION_HANDLER": "sharinpix.api.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SharinPix API",
    "DESCRIPTION": "Albums of images, keyed by record ids: the SharinPix API v1.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# Pages and time
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # static files come straight from the packages: no collectstatic step to forget
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600

# Safety in transit
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
if PUBLIC_URL.startswith("https://"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_SSL_HOST = urlsplit(PUBLIC_URL).netloc  # not what a request calls us
    SECURE_HSTS_SECONDS = 31_536_000
    # Other hosts of the same domain are not ours to bind: neither includeSubDomains nor preload.
    SILENCED_SYSTEM_CHECKS += ["security.W005", "security.W021"]
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "sharinpix.logs.JSONFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"urllib3.connection": {"level": "ERROR"}},  # its warnings repeat URLs, and with them what opens them
}
