#!/usr/bin/env bash
# Prints triggers, one line of JSON each, and goes on where it left off: the number of the last line it printed
# is kept in a file. Needs socat.
#   ROOST=127.0.0.1:7002 CURSOR=cursor.txt ./subscribe.sh | while read -r line; do …; done
# shellcheck disable=SC2016  # the $ are the protocol's
set -euo pipefail
roost=${ROOST:-127.0.0.1:7002}
cursor=${CURSOR:-cursor.txt}
after=$(cat "$cursor" 2>/dev/null || echo 0)

# The second part of the input never ends, so that the connection stays open.
{
    printf '{"$resume":{"after":%s}}\n' "$after"
    sleep infinity
} | socat - "TCP:$roost" | while IFS= read -r line; do
    case $line in
        '{"$error"'*)
            printf '%s\n' "$line" >&2
            exit 1
            ;;
        '{"seq":'*)
            printf '%s\n' "$line"
            seq=${line#'{"seq":'}
            # Replaced as a whole: a crash leaves the old number or the new one.
            printf '%s\n' "${seq%%,*}" >"$cursor.new"
            mv "$cursor.new" "$cursor"
            ;;
    esac
done
