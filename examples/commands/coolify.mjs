#!/usr/bin/env node
// The URL of a Coolify application. Called by app-roles as: coolify.mjs ADDRESS TOKEN_FILE APPLICATION_UUID SERVICE ACTION
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

const [address, tokenFile, uuid, , action] = process.argv.slice(2);
const key = process.env.APP_ROLES_URL_KEY;
/** Milliseconds between two polls of a deployment, and the longest wait for it. */
const interval = Number(process.env.COOLIFY_POLL_MILLISECONDS ?? 2000);
const patience = Number(process.env.COOLIFY_TIMEOUT_MILLISECONDS ?? 9 * 60_000);

async function api(method, path, body) {
  const response = await fetch(new URL(`/api/v1/${path}`, address), {
    method,
    headers: {
      authorization: `Bearer ${readFileSync(tokenFile, "utf8").trim()}`,
      "content-type": "application/json",
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`Coolify: ${method} ${path}: HTTP ${response.status}`);
  return response.json();
}

/** Resolves once the deployment is finished: `deploy` must not return before the service runs. */
async function ended(deployment) {
  const until = Date.now() + patience;
  for (;;) {
    const { status } = await api("GET", `deployments/${deployment}`);
    if (status === "finished") return;
    if (status !== "queued" && status !== "in_progress")
      throw new Error(`Coolify: deployment ${deployment}: ${status}`);
    if (Date.now() > until) {
      throw new Error(`Coolify: deployment ${deployment} is still ${status} after ${patience / 1000} s`);
    }
    await sleep(interval);
  }
}

const actions = {
  async read() {
    const variables = await api("GET", `applications/${uuid}/envs`);
    const found = variables.find((each) => each.key === key && !each.is_preview);
    if (found) process.stdout.write(found.value);
  },
  async write() {
    const value = await text(process.stdin);
    const variables = await api("GET", `applications/${uuid}/envs`);
    const isThere = variables.some((each) => each.key === key && !each.is_preview);
    await api(isThere ? "PATCH" : "POST", `applications/${uuid}/envs`, {
      key,
      value,
      is_preview: false,
      is_literal: true,
    });
  },
  async deploy() {
    const { deployments = [] } = await api("GET", `deploy?uuid=${uuid}&force=false`);
    const [deployment] = deployments;
    if (!deployment?.deployment_uuid) throw new Error(`Coolify started no deployment of ${uuid}`);
    await ended(deployment.deployment_uuid);
  },
};

if (!Object.hasOwn(actions, action)) throw new Error(`unknown action ${action}`);
await actions[action]();
