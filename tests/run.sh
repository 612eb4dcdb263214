#!/bin/sh
# Runs every test. Arguments go to `cargo test`, for example: sh tests/run.sh --test house
#
# The tests start their own servers on free ports; all they need is the
# `redis-server` program, which is installed here where it is missing.
set -eu

cd "$(dirname "$0")/.."

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        # Without a terminal nobody can type a password: fail, do not wait.
        if [ -t 0 ]; then sudo "$@"; else sudo -n "$@"; fi
    else
        return 1
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1"
}

install_redis() {
    command -v apt-get >/dev/null 2>&1 || return 1
    echo "redis-server is missing; installing it with apt-get"
    apt_install redis-server && return 0
    # The package lists may be missing or old.
    as_root apt-get update && apt_install redis-server
}

explain() {
    {
        echo "The tests need the program redis-server (7 or later), and it could not be installed here."
        echo "Install it, then run this again:"
        if command -v apt-get >/dev/null 2>&1; then
            echo "    sudo apt-get update && sudo apt-get install redis-server"
        elif command -v brew >/dev/null 2>&1; then
            echo "    brew install redis"
        elif command -v dnf >/dev/null 2>&1; then
            echo "    sudo dnf install redis"
        elif command -v pacman >/dev/null 2>&1; then
            echo "    sudo pacman -S redis"
        elif command -v apk >/dev/null 2>&1; then
            echo "    apk add redis"
        else
            echo "    (with this system's package manager; the package is named redis or redis-server)"
        fi
    } >&2
}

if ! command -v redis-server >/dev/null 2>&1; then
    if ! install_redis || ! command -v redis-server >/dev/null 2>&1; then
        explain
        exit 1
    fi
fi
redis-server --version

# `cargo test` and not a faster runner: it needs nothing installed, and it runs
# the documentation's examples too.
exec cargo test --locked --all-features --no-fail-fast "$@"
