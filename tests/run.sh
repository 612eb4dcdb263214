#!/bin/sh
# Runs every test. Arguments go to `cargo test`, for example: sh tests/run.sh --test house
#
# The tests start their own servers on free ports; all they need is the programs
# `redis-server` and `python3`, which are installed here where they are missing.
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

install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    echo "$1 is missing; installing it with apt-get"
    apt_install "$1" && return 0
    # The package lists may be missing or old.
    as_root apt-get update && apt_install "$1"
}

# explain WHAT APT PACMAN OTHERS: the program, and the names of its package.
explain() {
    {
        echo "The tests need the program $1, and it could not be installed here."
        echo "Install it, then run this again:"
        if command -v apt-get >/dev/null 2>&1; then
            echo "    sudo apt-get update && sudo apt-get install $2"
        elif command -v brew >/dev/null 2>&1; then
            echo "    brew install $4"
        elif command -v dnf >/dev/null 2>&1; then
            echo "    sudo dnf install $4"
        elif command -v pacman >/dev/null 2>&1; then
            echo "    sudo pacman -S $3"
        elif command -v apk >/dev/null 2>&1; then
            echo "    apk add $4"
        else
            echo "    (with this system's package manager; the package is named $2 or $3)"
        fi
    } >&2
}

# The program's name is that of its package for apt.
if ! command -v redis-server >/dev/null 2>&1; then
    if ! install redis-server || ! command -v redis-server >/dev/null 2>&1; then
        explain "redis-server (7 or later)" redis-server redis redis
        exit 1
    fi
fi
if ! command -v python3 >/dev/null 2>&1; then
    if ! install python3 || ! command -v python3 >/dev/null 2>&1; then
        explain "python3 (with its module sqlite3)" python3 python python3
        exit 1
    fi
fi
redis-server --version
python3 --version

# `cargo test` and not a faster runner: it needs nothing installed, and it runs
# the documentation's examples too.
exec cargo test --locked --all-features --no-fail-fast "$@"
