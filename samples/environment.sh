# Sourced by the scripts of this repository: `tfmtl_environment [EXTRAS]` makes and enters a virtual environment that
# holds the package as it stands here. The environment is $TFMTL_VENV, by default .venv at the top of the repository.

tfmtl_environment() {
  local venv="${TFMTL_VENV:-.venv}" extras="${1:+[$1]}"
  if [[ ! -x "$venv/bin/python" ]]; then
    python3 -m venv "$venv"
  fi
  # shellcheck disable=SC1091
  source "$venv/bin/activate"
  # Editable, and built anew each time: the protos may have changed.
  python -m pip install --quiet --disable-pip-version-check -e ".$extras"
}
