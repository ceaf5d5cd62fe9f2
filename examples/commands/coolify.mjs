#!/usr/bin/env node
// The URL of a Coolify application. Called by app-roles as: coolify.mjs ADDRESS TOKEN_FILE APPLICATION_UUID SERVICE ACTION
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

const [address, tokenFile, uuid, , action] = process.argv.slice(2);
const key = process.env.APP_ROLES_URL_KEY;

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
    await api("GET", `deploy?uuid=${uuid}&force=false`);
  },
};

if (!Object.hasOwn(actions, action)) throw new Error(`unknown action ${action}`);
await actions[action]();
