#!/bin/sh
# The URL of a Kubernetes Deployment, in a Secret of the same name. Called by app-roles as: kubernetes.sh NAMESPACE SERVICE ACTION
set -eu
namespace=$1 service=$2 action=$3
key=$APP_ROLES_URL_KEY

case $action in
read)
  # JSONPath escapes dots in keys. A failing kubectl ends the script, so only a missing Secret reads as nothing.
  path=$(printf %s "$key" | sed 's/\./\\./g')
  encoded=$(kubectl --namespace "$namespace" get secret "$service" --ignore-not-found --output "jsonpath={.data.$path}")
  printf %s "$encoded" | base64 --decode
  ;;
write)
  # printf is a shell builtin, so the value is in no process's arguments.
  value=$(base64 | tr -d '\n')
  found=$(kubectl --namespace "$namespace" get secret "$service" --ignore-not-found --output name)
  if [ -n "$found" ]; then
    printf '{"data":{"%s":"%s"}}' "$key" "$value" |
      kubectl --namespace "$namespace" patch secret "$service" --type merge --patch-file /dev/stdin >&2
  else
    printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s"},"data":{"%s":"%s"}}' "$service" "$key" "$value" |
      kubectl --namespace "$namespace" create --filename - >&2
  fi
  ;;
deploy)
  kubectl --namespace "$namespace" rollout restart "deployment/$service" >&2
  kubectl --namespace "$namespace" rollout status "deployment/$service" --timeout 10m >&2
  ;;
*)
  echo "unknown action $action" >&2
  exit 2
  ;;
esac
