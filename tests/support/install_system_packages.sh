#!/bin/sh
# Install what tests need from the system, with apt-get; nothing happens where it is all there.
#
# Tests that miss one of these are skipped and say so; under ORCHESTRATOR_TESTS_NO_SKIP=1 (as in CI) they fail.
set -eu

missing=''
for pair in strace:strace node:nodejs npm:npm; do # command:package
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
if [ -z "$missing" ]; then
    echo 'system packages for the tests: all there'
    exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
    echo "install these with this system's package manager:$missing" >&2
    exit 1
fi
become=''
if [ "$(id -u)" -ne 0 ]; then
    become='sudo -n'
    if ! $become true 2>/dev/null; then
        echo "as root, run: apt-get install$missing" >&2
        exit 1
    fi
fi
$become apt-get update -qq
# Unquoted: a list of package names.
$become env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
