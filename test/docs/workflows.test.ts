import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  env: Record<string, string>;
  jobs: Record<
    string,
    {
      if: string;
      permissions: Record<string, string>;
      concurrency: unknown;
      env?: Record<string, string>;
      steps: { uses?: string; run?: string; env?: Record<string, string> }[];
    }
  >;
}

const text = readFileSync(".github/workflows/app-roles.yml", "utf8");
const { on, permissions, env, jobs } = parse(text, { merge: true }) as Workflow;
const steps = Object.values(jobs).flatMap((job) => job.steps);

describe("the workflow for users", () => {
  test("runs only where a stack is configured, and never with the secrets of pull_request_target", () => {
    expect(Object.keys(on)).toEqual(["pull_request", "push", "schedule"]);
    for (const { if: condition } of Object.values(jobs)) expect(condition).toMatch(/^vars\.APP_ROLES_STACK != '' && /);
    expect(jobs.review?.if).toContain("head.repo.full_name == github.repository");
  });

  test("has the least permissions", () => {
    expect(permissions).toEqual({});
    expect(Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, job.permissions]))).toEqual({
      review: { contents: "read", "pull-requests": "write" },
      up: { actions: "read", contents: "read", "pull-requests": "read" },
      audit: { contents: "read" },
    });
    for (const { concurrency } of Object.values(jobs)) expect(concurrency).toBeDefined();
  });

  test("pins official actions by commit", () => {
    for (const { uses } of steps) if (uses) expect(uses).toMatch(/^(?:actions|pulumi)\/[\w-]+@[0-9a-f]{40}$/);
    for (const line of text.match(/^ +(?:- )?uses: .*$/gm) ?? []) expect(line).toMatch(/# v\d+\.\d+\.\d+$/);
  });

  test("gives secrets only to the steps that run app-roles, and no event's text to a shell", () => {
    const withSecrets = steps.filter((step) => JSON.stringify(step.env ?? {}).includes("secrets."));
    expect(withSecrets.map(({ run }) => /npx app-roles (\w+)/.exec(run ?? "")?.[1])).toEqual(["review", "up", "audit"]);
    expect(JSON.stringify([env, ...Object.values(jobs).map((job) => job.env ?? {})])).not.toContain("secrets.");
    for (const { run } of steps) expect(run ?? "").not.toContain("${{");
  });
});

test("the GitLab pipeline of the documentation is valid YAML, and its scripts are valid shell", () => {
  const [, pipeline = ""] =
    /^## GitLab$[\s\S]*?```yaml\n([\s\S]*?)```/m.exec(readFileSync("docs/review.md", "utf8")) ?? [];
  const { default: common, ...pipelineJobs } = parse(pipeline) as Record<
    string,
    { before_script: string[]; script: string[] }
  >;
  expect(Object.keys(pipelineJobs)).toEqual(["review", "up", "audit"]);
  for (const lines of [common?.before_script ?? [], ...Object.values(pipelineJobs).map(({ script }) => script)]) {
    expect(lines.length).toBeGreaterThan(0);
    const { status, stderr } = spawnSync("bash", ["-n"], { input: lines.join("\n"), encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  }
});
