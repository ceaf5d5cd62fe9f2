#!/bin/sh
# dockerd.sh DIRECTORY OPTION...
#
# Runs dockerd until SIGINT and leaves none of its processes behind. Without this script dockerd waits ten seconds for each
# container that ignores SIGTERM, and a dockerd that was killed leaves its containers and their containerd-shims running.
directory=$1
shift

kill_containers() {
  for shim in $(pgrep -f "containerd-shim.* $directory/"); do pkill -KILL -P "$shim"; done
}

dockerd "$@" 2>"$directory/log" &
daemon=$!
trap 'kill -TERM "$daemon"' INT
wait "$daemon"
status=$?
# SIGINT ends the wait early. dockerd restarts no container once it is shutting down.
tries=0
while kill -0 "$daemon" 2>/dev/null; do
  kill_containers
  sleep 0.2
  tries=$((tries + 1))
  [ "$tries" -lt 40 ] || kill -KILL "$daemon"
done
kill_containers
pkill -KILL -f "containerd.* $directory/"
grep -o " $directory/[^ ]*" /proc/mounts | sort -r | xargs -r umount -l
exit "$status"
