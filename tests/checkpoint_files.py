"""Files of checkpoints that were not trained: whole, in the formats of the real ones, with bytes of a test in them."""

from __future__ import annotations

import io
import json
import zipfile


def whole(name: str, payload: bytes) -> bytes:
    """What a file of this name holds; the same for the same payload."""
    return _safetensors(payload) if name.endswith(".safetensors") else _archive(payload)


def _safetensors(payload: bytes) -> bytes:
    tensor = {"dtype": "U8", "shape": [len(payload)], "data_offsets": [0, len(payload)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "weight": tensor}).encode()
    return len(header).to_bytes(8, "little") + header + payload


def _archive(payload: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), payload)
    return file.getvalue()
