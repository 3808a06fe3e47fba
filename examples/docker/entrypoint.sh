#!/bin/sh
# Becomes the program, with the secrets that the token opens: PID 1 is the program itself.
# The token is a file, /run/secrets/zms_token, or the variable ZMS_TOKEN, which is not passed on.
set -eu
file=${ZMS_TOKEN_FILE:-/run/secrets/zms_token}
if [ -z "${ZMS_TOKEN-}" ]; then
    if [ ! -r "$file" ]; then
        echo "no token: mount one at $file, or set ZMS_TOKEN" >&2
        exit 125
    fi
    # What is mounted may be a link, or readable by a group: here the container is the wall.
    ZMS_TOKEN=$(cat "$file")
    export ZMS_TOKEN
fi
exec zms run -- "$@"
