#!/bin/sh
# Install what tests need from the system, with apt-get; nothing happens where it is all there.
#
#   install_system_packages.sh                      what `make test` needs
#   install_system_packages.sh benchmarks           the peers of `make bench`
#   install_system_packages.sh heavy-benchmarks     the peers of `make bench-heavy` that are no Python libraries
#
# Tests that miss one of these are skipped and say so; under ORCHESTRATOR_TESTS_NO_SKIP=1 (as in CI) they fail.
set -eu

purpose=${1:-tests}
case $purpose in # command:package
    tests)
        pairs='strace:strace faketime:faketime mkfs.ext4:e2fsprogs linux.uml:user-mode-linux cc:gcc node:nodejs npm:npm'
        pairs="$pairs systemctl:systemd dbus-daemon:dbus tini:tini chromium:chromium zsh:zsh fish:fish"
        ;;
    benchmarks) pairs='parallel:parallel tsp:task-spooler redis-server:redis-server' ;;
    heavy-benchmarks) pairs='slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client' ;;
    *)
        echo "nothing is known to be needed for $purpose" >&2
        exit 2
        ;;
esac

missing=''
for pair in $pairs; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
if [ -z "$missing" ]; then
    echo "system packages for $purpose: all there"
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
# RUNLEVEL: a server that is installed is not started. Unquoted: a list of package names.
$become env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing
