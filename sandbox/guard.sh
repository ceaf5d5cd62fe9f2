#!/bin/sh
# guard.sh DIRECTORY [COMMAND...]
#
# Keeps DIRECTORY, and COMMAND running, for as long as whoever holds the other end of its stdin lives: the kernel closes
# that pipe however its holder ends, kill -9 included. Then COMMAND is interrupted (for Postgres, SIGINT is the fast
# shutdown) and DIRECTORY removed. When COMMAND ends by itself, its exit code is that of the guard.
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
  # A signal to this shell ends a wait early.
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
