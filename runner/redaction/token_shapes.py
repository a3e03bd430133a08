"""What tokens look like that are in reach of a training run: each by what it always begins with or stands behind.

Shapes alone, no names beside them: `eos_token: 128001` is no secret. One without a beginning of its own (W&B's older
keys: 40 hex digits, which a git commit has too) counts only behind the words that announce it.

Sources: the rules of gitleaks (config/gitleaks.toml), the plugins of detect-secrets 1.5, the detectors of trufflehog
(pkg/detectors), and who hands the tokens out.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

BLOT = "•••"
# Not within a word, but behind a line end as JSON writes it, and behind a colour of the terminal (ESC[31m).
START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=[0-9]m))"


class Shape(NamedTuple):
    """A kind of token. Without any of its `hints` in a text, which is quick to see, the pattern is not looked for.

    `before` is kept. No pattern takes a quote, or a backslash without what it escapes: a line of JSON stays one.
    """

    name: str
    hints: tuple[str, ...]
    secret: str
    source: str
    before: str = START


SHAPES = (
    Shape("Hugging Face", ("hf_",), r"hf_[A-Za-z0-9]{30,}", "gitleaks huggingface-access-token"),
    Shape(
        "Hugging Face, organisation",
        ("api_org_",),
        r"api_org_[A-Za-z0-9]{30,}",
        "gitleaks huggingface-organization-api-token",
    ),
    Shape("W&B", ("wandb_v1_",), r"wandb_v1_[A-Za-z0-9_]{30,}", "wandb 0.22.3, pull request 10688"),
    Shape(
        "W&B, older",
        ("WANDB_API_KEY", "wandb login"),
        r"[0-9a-f]{40}(?![0-9A-Za-z])",
        "trufflehog weightsandbiases/v1",
        r"""(?:WANDB_API_KEY(?:\\?["'])?\s{0,2}[=:]\s{0,2}(?:\\?["'])?|wandb login (?:--\S{1,99} ){0,4})(?:local-)?""",
    ),
    Shape(
        "Neptune",
        ("eyJhcGlfYWRkcmVzcyI6",),
        r"eyJhcGlfYWRkcmVzcyI6[A-Za-z0-9+/=_-]{40,}",
        '{"api_address": in base64',
    ),
    Shape("OpenAI", ("T3BlbkFJ",), r"sk-[A-Za-z0-9_-]{0,200}T3BlbkFJ[A-Za-z0-9_-]{16,}", "trufflehog openai"),
    Shape(
        "OpenAI's interface elsewhere", ("sk-",), r"sk-(?:or-v1-)?[A-Za-z0-9]{32,}", "detect-secrets openai"
    ),
    Shape(
        "Anthropic",
        ("sk-ant-",),
        r"sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80,}",
        "gitleaks anthropic-api-key",
    ),
    Shape("Replicate", ("r8_",), r"r8_[A-Za-z0-9_-]{37}", "trufflehog replicate"),
    Shape("Groq", ("gsk_",), r"gsk_[A-Za-z0-9]{52}", "trufflehog groq"),
    Shape("NVIDIA", ("nvapi-",), r"nvapi-[A-Za-z0-9_-]{60,}", "trufflehog nvapi"),
    Shape("Databricks", ("dapi",), r"dapi[0-9a-f]{32}(?![0-9a-f])(?:-\d)?", "gitleaks databricks-api-token"),
    Shape("Google", ("AIza",), r"AIza[A-Za-z0-9_-]{35}", "gitleaks gcp-api-key"),
    Shape("AWS, key id", ("AKIA", "ASIA"), r"A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])", "detect-secrets aws"),
    Shape(
        "GitHub",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        r"gh[pousr]_[A-Za-z0-9]{36,}",
        "detect-secrets github_token",
    ),
    Shape(
        "GitHub, fine-grained",
        ("github_pat_",),
        r"github_pat_[A-Za-z0-9_]{36,}",
        "gitleaks github-fine-grained-pat",
    ),
    Shape("GitLab", ("glpat-", "gldt-"), r"gl(?:pat|dt)-[A-Za-z0-9_-]{20,50}", "detect-secrets gitlab_token"),
    Shape("Slack", ("xox",), r"xox[abeoprs]-(?:[0-9]+-)+[A-Za-z0-9]{8,}", "detect-secrets slack"),
    Shape(
        "Slack, webhook",
        ("hooks.slack.com/",),
        r"T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]+",
        "detect-secrets slack",
        r"hooks\.slack\.com/services/",
    ),
    Shape(
        "Discord, webhook",
        ("/api/webhooks/",),
        r"[A-Za-z0-9_-]{40,}",
        "discord.com/developers/docs/resources/webhook",
        r"discord(?:app)?\.com/api/webhooks/[0-9]{10,20}/",
    ),
    Shape(
        "Telegram",
        (":AA",),
        r"AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])",
        "detect-secrets telegram_token",
        r"(?<![0-9])[0-9]{8,10}:",
    ),
    Shape(
        "Azure, shared access",
        ("sig=",),
        r"(?:[A-Za-z0-9+/]|%[0-9A-Fa-f]{2}){43,}(?:=|%3[Dd])?",
        "learn.microsoft.com/azure/storage/common/storage-sas-overview",
        r"(?<![A-Za-z0-9])sig=",
    ),
    Shape(
        "Azure, account key",
        ("AccountKey=",),
        r"[A-Za-z0-9+/]{86}==",
        "detect-secrets azure_storage_key",
        r"AccountKey=",
    ),
    Shape(
        "signed address",
        ("-Signature=", "-Security-Token="),
        r"[A-Za-z0-9%+/=_-]{40,}",
        "docs.aws.amazon.com/AmazonS3: query string authentication; cloud.google.com/storage: signed URLs",
        r"X-(?:Amz|Goog)-(?:Signature|Security-Token)=",
    ),
    Shape(
        "JSON web token",
        (".eyJ",),
        r"eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
        "RFC 7519; detect-secrets jwt",
    ),
    Shape(
        "header",
        ("uthorization",),
        r"[A-Za-z0-9._~+/=-]{20,}",
        "RFC 9110, 11.6.2; gitleaks curl-auth-header",
        r"""[Aa]uthorization(?:\\?["'])?\s{0,2}[:=]\s{0,2}(?:\\?["'])?(?:Bearer|Basic|Token)\s{1,2}""",
    ),
    Shape(
        "password in an address",
        ("://",),
        r"""[^\s/@:"'\\]{1,200}(?=@)""",
        "RFC 3986, 3.2.1; detect-secrets basic_auth",
        r"""://[^\s/@:"'\\]{0,100}:""",
    ),
    Shape(
        "private key",
        ("PRIVATE KEY",),
        r"(?:[A-Za-z0-9+/=\s:,-]|\\{1,4}[nr])+",
        "RFC 7468; gitleaks private-key",
        r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----",
    ),
)
_KEPT = rf"\1{BLOT}"


@cache
def pattern_of(shape: Shape) -> re.Pattern[str]:
    """Compiled when a hint is seen: 3 ms for all of them, at the start of each program that writes a record."""
    return re.compile(f"({shape.before}){shape.secret}")


def without(text: str) -> str:
    """A text with everything blotted out that has the shape of a token."""
    for shape in SHAPES:
        for hint in shape.hints:
            if hint in text:
                text = pattern_of(shape).sub(_KEPT, text)
                break
    return text


def kind_in(text: str) -> str:
    """The name of the first kind of token in a text; empty for none."""
    for shape in SHAPES:
        if any(hint in text for hint in shape.hints) and pattern_of(shape).search(text):
            return shape.name
    return ""
