#!/usr/bin/env bash
# On a GPU box: the tests marked gpu, then a short real QLoRA run of an 8B-shaped model. `check.sh [PYTHON]`.
# Packages the box lacks are taken from wheels/ (made by `make gpu-wheels` elsewhere); nothing is fetched.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-python3}
site=${TMPDIR:-/tmp}/ftui-gpu-site
if compgen -G "wheels/*.whl" >/dev/null; then
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --upgrade --target "$site" wheels/*.whl
fi
export PYTHONPATH="$PWD:$site${PYTHONPATH:+:$PYTHONPATH}"
export HF_HUB_OFFLINE=1 TMPDIR=${TMPDIR:-/tmp}
if ! problem=$("$python" -c 'from runner import gpu; r = gpu.read(); print(r.problem); exit(not r.samples)'); then
    echo "nothing to check here: ${problem:-runner.gpu cannot be imported}" >&2
    exit 1
fi
failed=0
"$python" -m pytest -p no:cacheprovider -q -m gpu -c tests/gpu/pytest.ini --rootdir . tests/gpu || failed=$?
"$python" -P -m tests.gpu.qlora_8b || failed=$?
exit "$failed"
