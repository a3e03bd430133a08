#!/usr/bin/env bash
# Everything that only a GPU can show: `check.sh [PYTHON] [options of tests.gpu.check]`. For a box whose Python holds
# torch with CUDA, transformers, peft and accelerate; what else it lacks is taken from wheels/ (made by `make gpu-wheels`
# elsewhere). Nothing is fetched.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-python3}
shift || true
site=${TMPDIR:-/tmp}/ftui-gpu-site-$(id -u)
if compgen -G "wheels/*.whl" >/dev/null; then
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --upgrade --target "$site" wheels/*.whl
fi
export PYTHONPATH="$PWD:$site${PYTHONPATH:+:$PYTHONPATH}"
export HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1
exec "$python" -m tests.gpu.check "$@"
