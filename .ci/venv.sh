#!/usr/bin/env bash
# Makes the virtual environment and installs coexsim into it, unless that is done already.
#
#   .ci/venv.sh demo    what a user needs
#   .ci/venv.sh test    and what the tests need
#
# $PYTHON names the Python to use; else the newest of python3.13, 3.12, 3.11, python3 that runs is taken.
# $VENV is the folder (.venv). Installs anew only after pyproject.toml has changed or the folder has moved.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:?"say demo or test"}
venv=${VENV:-.venv}

die() { printf 'coexsim: %s\n' "$@" >&2; exit 1; }

# A pyenv shim may exist and fail: only what really runs counts.
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
can_make_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

choose_python() {  # sets python: the first that is new enough and can make an environment, else that is new enough
    python=
    local candidate found=
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        found+=" $candidate ($(version_of "$candidate" || echo "does not run"))"
        new_enough "$candidate" || continue
        if can_make_venv "$candidate"; then python=$candidate; return; fi
        python=${python:-$candidate}
    done
    [ -n "$python" ] || die "Python 3.11 or newer is needed; looked at:$found" \
        "install one (Debian, Ubuntu: apt install python3 python3-venv), or name yours: make demo PYTHON=/path/to/python3.12"
}

make_venv() {
    rm -rf "$venv"
    if can_make_venv "$python"; then "$python" -m venv "$venv"
    elif "$python" -m virtualenv --version >/dev/null 2>&1; then "$python" -m virtualenv -q "$venv"
    elif command -v virtualenv >/dev/null; then virtualenv -q -p "$python" "$venv"
    else
        local version
        version=$(version_of "$python")
        die "$python ($version) cannot make a virtual environment: its module ensurepip is missing" \
            "Debian, Ubuntu: apt install python$version-venv (or: virtualenv), then try again"
    fi
}

stamp=$venv/.installed-$what
state="$(cksum <pyproject.toml) $PWD"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ] && "$venv/bin/python" -c '' 2>/dev/null; then exit 0; fi

if ! new_enough "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    choose_python
    make_venv
fi
case $what in
    demo) target=. ;;
    test) target='.[test]' ;;
    *) die "say demo or test, not '$what'" ;;
esac
echo "Installing coexsim and what it needs into $venv (Python $(version_of "$venv/bin/python")) ..." >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -e "$target" ||
    die "the installation failed; the lines above say why (is the package index within reach?)"
# The first command need not compile what it imports, nor every one where Python may not write (PYTHONDONTWRITEBYTECODE).
"$venv/bin/python" -m compileall -q coexsim
"$venv/bin/python" -m coexsim.engine
printf '%s\n' "$state" >"$stamp"
