"""Which variables of an environment hold a secret, and how its value may be spelled where it turns up.

Names after the rules of gitleaks (generic-api-key, what it looks for and what it lets pass), the keyword plugin of
detect-secrets 1.5, and what sets them: Azure, AWS, Docker, Kaggle, MySQL, PostgreSQL, Sentry, SSH.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

from runner import places, safe_open

# HF_TOKEN, WANDB_API_KEY, AWS_SECRET_ACCESS_KEY, GITLAB_PAT, MYSQL_PWD, SENTRY_DSN, SSHPASS …
_SECRET = re.compile(
    r"TOKEN|API_?KEY|ACCESS_?KEY|ACCOUNT_?KEY|PRIVATE_?KEY|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASSCODE|CREDENTIAL"
    r"|CONNECTION_?STRING|WEBHOOK"
    # Short words are parts of others: XAUTHORITY, KEYBOARD, COMPASS, PATH; the shell's own PWD is a folder.
    r"|(?:^|_)(?:KEYS?|PATS?|PASS|AUTH|DSN|CREDS?|SAS|JWT|COOKIES?)_?[0-9]*$|_PWD$|SSHPASS$",
    re.IGNORECASE,
)
# TOKENIZERS_PARALLELISM, AWS_SECRET_NAME, SSH_AUTH_SOCK, AUTH_TOKEN_URL, PRIMARY_KEY, GPG_KEY (a fingerprint) …
_OTHER = re.compile(
    r"TOKENI[SZ]|_(?:NAME|FILE|DIR|PATH|TYPE|SOCK|ENDPOINT|VERSION|LENGTH|SIZE|ALIAS)$|(?<!WEBHOOK)_UR[LI]$"
    r"|(?:BUCKET|FOREIGN|GPG|IDX|INDEX|NATURAL|PARTITION|PRIMARY|PUB|PUBLIC|SCHEMA|SEQUENCE|SORT)_?KEYS?$",
    re.IGNORECASE,
)
# The numbers among their values count something: MAX_TOKENS, TOKENS_PER_SECOND, TOKEN_LIMIT.
_COUNTED = re.compile("TOKEN", re.IGNORECASE)
_PASSWORD_IN_ADDRESS = re.compile(r"://[^\s/@:]*:([^\s/@]+)@")
_NETRC_PASSWORD = re.compile(r"\bpassword\s+(\S+)")
# Shorter values are words and numbers of every text ("true", "4096"): blotted out, records would tell nothing, and the
# places where they are missing would tell the value.
LEAST_LENGTH = 8
MOST_STORED = 20_000


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, however short, and not a switch, a count or a file that is there."""
    return bool(_SECRET.search(name)) and not _OTHER.search(name) and not _is_plain(name, value)


def secrets_in(environment: Mapping[str, str]) -> dict[str, str]:
    """{secret: where it is from}: the variables of an environment that hold one, the passwords in its addresses, and
    the stored logins of the hub and of W&B.
    """
    found = {value.strip(): name for name, value in environment.items() if is_secret(name, value)}
    for name, value in environment.items():
        for password in _PASSWORD_IN_ADDRESS.findall(value):
            found.setdefault(password, name)
    for value, place in _stored(environment):
        found.setdefault(value, place)
    return {value: place for value, place in found.items() if len(value) >= LEAST_LENGTH}


def _is_plain(name: str, value: str) -> bool:
    if value.startswith(("/", "~", ".")) and is_there(value):
        return True
    try:
        float(value)
    except ValueError:
        return False
    return bool(_COUNTED.search(name))


def is_there(path: str) -> bool:
    """Whether a text is the path of something on this machine."""
    try:
        return os.path.lexists(places.expanded(path))
    except (OSError, ValueError, RuntimeError):
        # Too long, with a NUL, or of a user there is none of: no path.
        return False


def _stored(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """`hf auth login` writes a file of its own, `wandb login` a password into .netrc."""
    home = environment.get("HF_HOME") or "~/.cache/huggingface"
    token = environment.get("HF_TOKEN_PATH") or f"{home}/token"
    netrc = environment.get("NETRC") or "~/.netrc"
    passwords = _NETRC_PASSWORD.findall(_text(netrc))
    return [(_text(token).strip(), token), *((password, netrc) for password in passwords)]


def _text(path: str) -> str:
    try:
        with safe_open.open_binary(places.expanded(path)) as stream:
            return stream.read(MOST_STORED).decode(errors="replace")
    except (OSError, ValueError, RuntimeError):
        return ""


def spellings(value: str) -> set[str]:
    """A value as it is, and as JSON, Python, a shell's command line, an address and a page of the web write it."""
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        value.replace("'", "'\"'\"'"),
        quote(value, safe="", errors="replace"),
        quote(value, errors="replace"),
        quote_plus(value, errors="replace"),
        html.escape(value),
    }
