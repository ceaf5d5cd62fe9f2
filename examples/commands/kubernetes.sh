#!/bin/sh
# The URL of a Kubernetes Deployment, in a Secret of the same name. Called by app-roles as: kubernetes.sh NAMESPACE SERVICE ACTION
set -eu
namespace=$1 service=$2 action=$3
key=$APP_ROLES_URL_KEY

case $action in
read)
  kubectl --namespace "$namespace" get secret "$service" --output "jsonpath={.data.$key}" | base64 --decode
  ;;
write)
  # printf is the shell's own: the value is in no process's arguments.
  value=$(base64 | tr -d '\n')
  printf '{"data":{"%s":"%s"}}' "$key" "$value" |
    kubectl --namespace "$namespace" patch secret "$service" --type merge --patch-file /dev/stdin >&2
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
