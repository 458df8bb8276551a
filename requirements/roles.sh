#!/bin/sh
# What this machine is for, as Ray's custom resources: the words given and those in ~/.envisions/roles; where there are
# none, a machine with cards generates and learns, and any other executes.
set -eu
roles="$* $(cat ~/.envisions/roles 2>/dev/null || true)"
if [ -z "$(echo $roles)" ]; then
    if command -v nvidia-smi >/dev/null 2>&1; then roles="generator learner"; else roles="environment"; fi
fi
json=""
for role in $roles; do json="$json${json:+, }\"$role\": 1"; done
echo "{$json}"
