#!/usr/bin/env bash
# Posts a log (NDJSON on standard input) and waits until it is on disk. Exits 1 where a line was not taken.
#   ROOST_STATUS=http://127.0.0.1:7003 ./post_events.sh <events.ndjson
set -euo pipefail
status=${ROOST_STATUS:-http://127.0.0.1:7003}
answer=$(gzip -c | curl --fail-with-body --silent --show-error --retry 5 --retry-connrefused \
    --header 'Content-Type: application/x-ndjson' --header 'Content-Encoding: gzip' \
    --data-binary @- "$status/v1/events")
printf '%s\n' "$answer"
case $answer in *'"rejected":[]'*) ;; *) exit 1 ;; esac
