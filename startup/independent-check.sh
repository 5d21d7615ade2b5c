#!/usr/bin/env bash
# Times starts of the program without any of Wasmlet's code: date is the clock, curl asks until there is an answer. With
# --resolution it prints how long starting curl and date takes: no start can be told more finely.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
case $(uname -m) in x86_64) name=program-amd64 ;; *) name=program-arm64 ;; esac
program=$(mktemp)
trap 'rm -f "$program"' EXIT
cp "$folder/$name" "$program"
chmod 755 "$program"
port=$((20000 + RANDOM % 9000))

seconds_since() {
  echo "$1 $(date +%s.%N)" | awk '{ printf "%.6f\n", $2 - $1 }'
}

if [ "$1" = --resolution ]; then
  PORT=$port "$program" >/dev/null &
  until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/"; do :; done
  began=$(date +%s.%N)
  for _ in 1 2 3 4 5; do curl --silent --fail --output /dev/null "http://127.0.0.1:$port/"; done
  seconds_since "$began" | awk '{ print $1 / 5 }'
  kill $!
  exit
fi
for _ in $(seq "$1"); do
  began=$(date +%s.%N)
  PORT=$port "$program" >/dev/null &
  until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/"; do :; done
  seconds_since "$began"
  kill $!
  wait $! 2>/dev/null || true
done
