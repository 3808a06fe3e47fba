#!/bin/sh
# Installs what lies beside it below PREFIX, ~/.local by default. `./install.sh --remove` takes it back.
set -eu
cd -- "$(dirname -- "$0")"
prefix=${PREFIX:-$HOME/.local}

files() { find bin share lib -type f; }

case ${1-} in
--remove)
    files | while read -r file; do rm -f "$prefix/$file"; done
    echo "removed zms from $prefix; vaults are where they were"
    ;;
'')
    files | while read -r file; do
        mode=644
        if [ "$file" = bin/zms ]; then mode=755; fi
        mkdir -p "$prefix/$(dirname "$file")"
        install -m "$mode" "$file" "$prefix/$file"
    done
    echo "installed $prefix/bin/zms"
    case ":$PATH:" in
    *":$prefix/bin:"*) ;;
    *) echo "  export PATH=\"$prefix/bin:\$PATH\"" ;;
    esac
    ;;
*)
    echo "usage: ./install.sh [--remove]" >&2
    exit 2
    ;;
esac
