#!/bin/sh
# guard.sh DIRECTORY [COMMAND...]
#
# Runs COMMAND until the process at the other end of stdin ends: the kernel then closes the pipe, even after kill -9.
# Interrupts COMMAND (Postgres does a fast shutdown on SIGINT) and removes DIRECTORY. Exits with COMMAND's exit code.
directory=$1
shift

status=0
if [ $# -gt 0 ]; then
  exec 3<&0
  "$@" </dev/null 3<&- &
  command=$!
  trap 'kill -INT "$command"' INT TERM HUP
  (
    cat <&3
    kill -INT "$command"
    for second in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done
    kill -QUIT "$command"
  ) >/dev/null 2>&1 </dev/null &
  watcher=$!
  exec 3<&-
  wait "$command"
  status=$?
  # A signal to this shell ends the wait early.
  while kill -0 "$command" 2>/dev/null; do
    wait "$command"
    status=$?
  done
  kill "$watcher" 2>/dev/null
else
  trap '' INT HUP
  cat >/dev/null
fi

rm -rf "$directory"
exit "$status"
