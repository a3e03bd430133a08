"""Which variables hold a secret, and which only sound like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.redaction.environment import secrets_in, spellings

TOKEN = "hf_" + "aB3" * 12
KEY = "0123456789abcdef" * 2 + "deadbeef"
FOLDER = str(Path(__file__).parent)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("HF_TOKEN", TOKEN, True),
        ("WANDB_API_KEY", KEY, True),
        ("AWS_SECRET_ACCESS_KEY", "abc/def+ghi=jkl", True),
        ("MY_PASSWORD", "correct horse", True),
        ("COMET_APIKEY", "longenough", True),
        ("HF_TOKEN_PATH", "/home/u/.token", False),
        ("TOKENIZERS_PARALLELISM", "false", False),
        ("MAX_TOKENS", "1234567890", False),
        ("HOME", "/home/someuser", False),
        ("HF_TOKEN", "short", False),
        ("KAGGLE_KEY", KEY, True),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=a;AccountKey=bcd", True),
        ("TOKENIZER_NAME", "meta-llama/Llama-3.1-8B", False),
        ("TOKENIZER", "meta-llama/Llama-3.1-8B", False),
        ("AWS_SECRET_NAME", "training", False),
        ("API_KEY_FILE", "keys/ours.txt", False),
        ("TOKENS_PER_SECOND", "1234.5678", False),
        ("MIN_TOKEN_SHARE", "-0.00012345e-7", False),
        ("DB_PASSWORD", "12345678", True),
        ("OUR_KEY", KEY, True),
        ("DEPLOY_KEY_2", KEY, True),
        ("GITLAB_PAT", "not-of-a-known-shape", True),
        ("MYSQL_PWD", "longenough", True),
        ("REDIS_AUTH", "longenough", True),
        ("SENTRY_DSN", "longenough", True),
        ("OUR_CREDS", "longenough", True),
        ("SSHPASS", "longenough", True),
        ("ALERTS_WEBHOOK_URL", "https://example.org/hooks/abc", True),
        ("MY_PASSWORD", ".dots-before-it", True),
        ("MY_PASSWORD", "~tilde-before-it", True),
        ("MY_PASSWORD", "/slash+before/it==", True),
        ("MY_PASSWORD", "/no/" + "a" * 5000, True),
        ("SERVER_KEY", FOLDER, False),
        ("PWD", "/home/someuser", False),
        ("OLDPWD", "/home/someuser", False),
        ("LS_COLORS", "rs=0:di=01;34:ln=01;36", False),
        ("SSH_AUTH_SOCK", "/tmp/gone/agent.1", False),
        ("XAUTHORITY", "/tmp/gone/.Xauthority", False),
        ("GIT_AUTHOR_NAME", "A. N. Author", False),
        ("GPG_KEY", KEY, False),
        ("SORT_KEY", "created_at", False),
        ("SSH_PUBLIC_KEY", "ssh-ed25519 AAAA", False),
        ("AUTH_TOKEN_URL", "https://example.org/token", False),
        ("XKB_DEFAULT_LAYOUT", "us-international", False),
        ("CLASSPATH", "a.jar:b.jar:c.jar", False),
    ],
)
def test_which_values_are_secret(tmp_path: Path, name: str, value: str, secret: bool) -> None:
    found = secrets_in({name: value, "HF_HOME": str(tmp_path), "NETRC": str(tmp_path)})
    assert found == ({value: name} if secret else {})


def test_stored_logins_are_secret(tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    environment = {"HF_HOME": str(tmp_path), "NETRC": str(netrc)}
    assert secrets_in(environment) == {}
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert secrets_in(environment) == {TOKEN: str(tmp_path / "token")}
    netrc.write_text(
        f"machine api.wandb.ai\n  login user\n  password {KEY}\nmachine x login y password short\n"
    )
    assert secrets_in(environment) == {TOKEN: str(tmp_path / "token"), KEY: str(netrc)}


def test_the_password_in_an_address_is_one(tmp_path: Path) -> None:
    environment = {"DATABASE": "postgresql://me:pa55word-of-mine@db.example.org/runs", "NETRC": str(tmp_path)}
    assert secrets_in({**environment, "HF_HOME": str(tmp_path)}) == {"pa55word-of-mine": "DATABASE"}


def test_a_value_is_known_however_it_is_written() -> None:
    assert spellings("plainvalue") == {"plainvalue"}
    assert {
        "pa\"ss\\w'd é",
        "pa\\\"ss\\\\w'd \\u00e9",
        "pa\\\"ss\\\\w'd é",
        "pa%22ss%5Cw%27d%20%C3%A9",
        "pa%22ss%5Cw%27d+%C3%A9",
        "pa&quot;ss\\w&#x27;d é",
        "pa\"ss\\w'\"'\"'d é",
    } <= spellings("pa\"ss\\w'd é")
