#!/usr/bin/env bash
# plugin.sh PORT TOKEN NAME NODE MAIN ARGUMENTS...
#
# A plugin that runs in the plugin host (main.ts) at PORT, or, if that has ended, in NODE with MAIN.
port=$1 token=$2 name=$3
shift 3

# The output for the children of a language host: a redirection such as >&3 replaces 1 for a moment.
exec 4>&1 5>&2
trap 'echo >&3' INT TERM
if exec 3<>"/dev/tcp/127.0.0.1/$port"; then
  echo "$token $$ $name ${*:3}" >&3
  while IFS= read -r line <&3; do printf '%s\n' "$line"; done
  exit 0
fi 2>/dev/null
trap - INT TERM
exec "$@" 4>&- 5>&-
