#!/bin/sh
# Print the path of one working Python per supported minor version; the machine's own python3 comes first.
#
# A candidate counts when it runs (a shim of pyenv may stand on the PATH for a version that is switched off), when its
# version is supported, and when it can make a virtual environment.
set -u

probe='
import sys
if not (3, 11) <= sys.version_info < (3, 14):
    sys.exit(1)
import ensurepip, venv
print("%d.%d" % sys.version_info[:2], sys.executable)
'

seen=' '
for candidate in python3 python3.13 python3.12 python3.11 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[123].*/bin/python3; do
    answer=$("$candidate" -c "$probe" 2>/dev/null) || continue
    case $seen in
        *" ${answer%% *} "*) continue ;;
    esac
    seen="$seen${answer%% *} "
    printf '%s\n' "${answer#* }"
done
