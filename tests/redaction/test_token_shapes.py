"""Each shape of a token is blotted out, alone and in what a trainer prints; what only resembles one stays."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.redaction import token_shapes
from runner.redaction.token_shapes import BLOT, SHAPES, without

ROOT = Path(__file__).parent.parent.parent
HEX = "0123456789abcdef"
MIXED = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY"
BASE64 = (MIXED * 3)[:86]

# By shape: what is blotted out, what is kept before and after it, and what is none.
CASES: dict[str, tuple[str, str, str, list[str]]] = {
    "Hugging Face": ("hf_" + MIXED + "ab", "", "", ["hf_hub_download", "hf_" + "a" * 20, "xhf_" + MIXED]),
    "Hugging Face, organisation": (
        "api_org_" + MIXED + "ab",
        "",
        "",
        ["api_org_chart", "api_organisation_name"],
    ),
    "W&B": ("wandb_v1_" + MIXED * 2, "", "", ["wandb_v1_run", "wandb: syncing is on"]),
    "W&B, older": (
        HEX * 2 + "deadbeef",
        "WANDB_API_KEY=",
        "",
        [f"commit {HEX * 2}deadbeef", f"wandb: run {HEX * 2}deadbeef", "wandb login --relogin"],
    ),
    "Neptune": ("eyJhcGlfYWRkcmVzcyI6" + MIXED * 3 + "==", "", "", ["eyJhcGlfYWRkcmVzcyI6 is how it begins"]),
    "OpenAI": (f"sk-proj-{MIXED}-_{MIXED}T3BlbkFJ{MIXED}", "", "", ["T3BlbkFJ", "task-T3BlbkFJ" + MIXED]),
    "OpenAI's interface elsewhere": (
        "sk-" + MIXED,
        "",
        "",
        [f"task-{MIXED}", f"risk-{HEX * 2}", "sk-learn-a-model-of-a-rather-long-name"],
    ),
    "Anthropic": ("sk-ant-api03-" + MIXED * 2 + "-_" + MIXED, "", "", ["sk-ant-api03-KEY", "sk-ant-hill"]),
    "Replicate": ("r8_" + MIXED + "-_abc", "", "", ["r8_block", "layer8_" + MIXED + "abcde"]),
    "Groq": ("gsk_" + MIXED + MIXED[:20], "", "", ["gsk_loss", "risk_gsk_0.5"]),
    "NVIDIA": ("nvapi-" + MIXED * 2, "", "", ["nvapi-key", "nvapi-" + "a" * 20]),
    "Databricks": ("dapi" + HEX * 2, "", "", ["dapi" + HEX, "dapi" + HEX * 3]),
    "Google": ("AIza" + MIXED + "-_a", "", "", ["AIza" + "a" * 20, "xAIza" + MIXED + "abc"]),
    "AWS, key id": (
        "AKIAIOSFODNN7EXAMPLE",
        "",
        "",
        ["AKIAIOSFODNN7", "AKIA" + "A" * 20, "ASIA IS A CONTINENT"],
    ),
    "GitHub": ("ghp_" + MIXED + "abcd", "", "", ["ghp_" + "a" * 20, "ghx_" + MIXED + "abcd"]),
    "GitHub, fine-grained": ("github_pat_" + MIXED[:22] + "_" + MIXED * 2, "", "", ["github_pat_name"]),
    "GitLab": ("glpat-" + MIXED[:20], "", "", ["glpat-short", "gldt-1"]),
    "Slack": ("xoxb-123456789012-1234567890123-" + MIXED[:24], "", "", ["xoxb-token", "xoxo-1-2"]),
    "Slack, webhook": (
        "T01ABCDEF/B02ABCDEF/" + MIXED[:24],
        "https://hooks.slack.com/services/",
        "",
        ["https://hooks.slack.com/services/", "T01ABCDEF/B02ABCDEF/" + MIXED[:24]],
    ),
    "Discord, webhook": (
        MIXED * 2 + "-_ab",
        "https://discord.com/api/webhooks/123456789012345678/",
        "",
        [
            "https://discord.com/api/webhooks/123456789012345678/",
            "https://example.org/api/webhooks/1/" + MIXED * 2,
        ],
    ),
    "Telegram": ("AA" + MIXED + "-", "123456789:", "", ["12:AA", "123456789:AAA", "00:01:AA" + MIXED + "-"]),
    "Azure, shared access": (
        BASE64[:42] + "%2B%3D",
        "https://a.blob.core.windows.net/b?sv=2024&sig=",
        "",
        ["sig=0.5", "sig=" + "a" * 20, "config=" + BASE64],
    ),
    "Azure, account key": (
        BASE64 + "==",
        "AccountName=a;AccountKey=",
        ";Endpoint",
        ["AccountKey=", "AccountKey=abc="],
    ),
    "signed address": (
        HEX * 4,
        "https://b.s3.amazonaws.com/a?X-Amz-Expires=900&X-Amz-Signature=",
        "",
        ["X-Amz-Signature=", "X-Goog-Signature=none"],
    ),
    "JSON web token": (
        f"eyJ{MIXED}.eyJ{MIXED}.{MIXED}-_",
        "",
        "",
        ["eyJ.eyJ", f"eyJ{MIXED}", f"eyJ{MIXED}.{MIXED}", "a.eyJ.b"],
    ),
    "header": (
        MIXED + "/+.==",
        "Authorization: Bearer ",
        "",
        ["Authorization: Bearer TOKEN", "authorization: needed", "Authorization: Bearer <your token>"],
    ),
    "password in an address": (
        "s3cr€t-pass;word",
        "mysql+x://user:",
        "@db.example.org:3306/runs",
        [
            "http://localhost:8080/@me",
            "https://example.org/a:b@c",
            "see https://example.org: write to me@example.org",
            "https://user@example.org",
        ],
    ),
    "private key": (
        "\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" + BASE64 + "\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----",
        "",
        ["-----BEGIN PUBLIC KEY-----\nMIIB", "a PRIVATE KEY is needed"],
    ),
}
shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


def test_each_shape_has_its_cases_and_its_source() -> None:
    assert [shape.name for shape in SHAPES] == list(CASES)
    assert all(shape.source and len(CASES[shape.name][3]) for shape in SHAPES)


def alone(shape: token_shapes.Shape, text: str) -> str:
    """The text with only this shape blotted out."""
    return (
        token_shapes.pattern_of(shape).sub(rf"\1{BLOT}", text)
        if any(hint in text for hint in shape.hints)
        else text
    )


@shapes
@pytest.mark.parametrize("colour", ["", "\x1b[31m"])
def test_a_token_is_blotted_out_and_nothing_else(shape: token_shapes.Shape, colour: str) -> None:
    secret, before, after, _ = CASES[shape.name]
    for left, right in (
        ("", ""),
        ("key ", " refused"),
        ("{'loss': 0.5}\n", '\n{"a"'),
        ("('", "')"),
        ("=", ""),
    ):
        text = f"{left}{colour}{before}{secret}{after}{right}"
        wanted = f"{left}{colour}{before}{BLOT}{after}{right}"
        if shape.name == "private key":
            # Its end is not told from spaces and words behind it.
            assert alone(shape, text).startswith(f"{left}{colour}{before}{BLOT}")
            assert "MII" not in alone(shape, text)
        else:
            assert alone(shape, text) == wanted
        assert secret not in without(text)


@shapes
def test_a_line_of_json_with_a_token_stays_one(shape: token_shapes.Shape) -> None:
    secret, before, after, _ = CASES[shape.name]
    for text in (
        f"{before}{secret}{after}",
        f"first\n{before}{secret}{after}\nlast\\",
        json.dumps({"a": f'"\n{before}{secret}{after}"'}, ensure_ascii=False),
        f'"{before}{secret}{after}"\\',
    ):
        line = without(json.dumps({"message": text, "loss": 0.125}, ensure_ascii=False))
        record = json.loads(line)
        assert secret.strip() not in record["message"]
        assert secret.split("\n")[1 if "\n" in secret else 0] not in record["message"]
        assert (list(record), record["loss"]) == (["message", "loss"], 0.125)


@shapes
def test_what_resembles_one_stays(shape: token_shapes.Shape) -> None:
    for text in CASES[shape.name][3]:
        assert without(text) == text


@shapes
@pytest.mark.parametrize("lead", ["", "a", "-", ":", "\\"])
def test_no_text_takes_long(shape: token_shapes.Shape, lead: str) -> None:
    secret, before, _, _ = CASES[shape.name]
    started = time.perf_counter()
    for part in (*shape.hints, before, secret, secret[:8], before + secret[:10]):
        whole = (lead + part) * (200_000 // (len(part) + 1)) + shape.hints[0]
        without(whole)
    assert time.perf_counter() - started < 5


def test_nothing_in_the_recorded_runs_is_blotted_out() -> None:
    """Logs of 40 trainers, records of our own, data rows: whole, and line by line as a console has them."""
    looked = 0
    for folder in ("tests/data", "presets", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                text = path.read_text(encoding="utf-8", errors="replace")
                assert without(text) == text, path
                for line in text.splitlines():
                    looked += 1
                    assert without(line) == line, path
    assert looked > 10_000


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
    st.sampled_from(SHAPES),
    st.text(max_size=5),
)
def test_a_record_stays_a_record(record: object, shape: token_shapes.Shape, text: str) -> None:
    secret, before, after, _ = CASES[shape.name]
    line = json.dumps([record, text + before + secret + after + text, record], ensure_ascii=False)
    assert len(json.loads(without(line))) == 3
