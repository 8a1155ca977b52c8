#!/usr/bin/env bash
# Everything that must hold before a change lands: lint, types, unit tests, then the slower ones.
#
#   bash tests/run.sh            all of it
#   bash tests/run.sh --quick    without the slow ring
#
# Sets itself up in the virtual environment $TFMTL_VENV (by default .venv here).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source samples/environment.sh
tfmtl_environment dev

export TF_CPP_MIN_LOG_LEVEL=2
ruff check .
mypy tfmtl
# By file, so that what a file's tests share is made once.
pytest -n auto --dist loadfile -m "not slow"
if [[ "${1:-}" != "--quick" ]]; then
  pytest -n auto --dist loadfile -m slow
fi
