# What the scripts beside this one share; sourced, never run. It finds the repository, installs missing
# Debian packages and looks for the Swift toolchain.
# shellcheck shell=bash

# Libraries that Package.swift links, and time zones.
# shellcheck disable=SC2034  # read by the scripts that source this
build_packages=(libsimdjson-dev libsqlite3-dev libmicrohttpd-dev zlib1g-dev libxgboost-dev
    libcurl4-openssl-dev libssl-dev tzdata)

say() { printf '== %s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

enter_repository() {
    cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root, and there is no sudo: $*"
    fi
}

# Installs those of the named packages that are missing; quick when none is.
install_missing() {
    command -v dpkg-query >/dev/null || fail "this is not a Debian system; install by hand: $*"
    local package missing=()
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return
    fi
    say "installing from Debian: ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

require_swift() {
    command -v swift >/dev/null || fail "no swift in PATH; a toolchain of 6.2 or newer is at https://swift.org/install"
}

# Builds the release binary: with progress for a person, otherwise silently unless it fails.
build() {
    local quiet=()
    [ -t 1 ] || quiet=(--quiet)
    swift build -c release --product roost "${quiet[@]}"
}
