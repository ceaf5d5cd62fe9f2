import { appendFileSync } from "node:fs";
import { PartialFailure, type Provider, type ResourceType } from "../../../provider/rpc/provider.ts";
import { serve } from "../../../provider/rpc/serve.ts";
import { reveal, Secret, unknown } from "../../../provider/rpc/values.ts";

/** A plugin for the tests, whose behavior depends on the resource name. */
const thing: ResourceType = {
  async check(_call, { news, olds, randomSeed }) {
    return {
      inputs: { ...news, hadOlds: olds !== undefined, seed: randomSeed.length },
      failures:
        reveal(news.size ?? null) === "huge"
          ? [{ property: "size", reason: "must be a number, not hunter2hunter2" }]
          : Array.isArray(news.badPaths)
            ? news.badPaths.map((path) => ({ property: String(path), reason: "is bad" }))
            : [],
    };
  },
  async diff(call, { oldInputs, news }) {
    if (call.name === "replaced") return { changes: true, replaces: ["size"], deleteBeforeReplace: true };
    const changes = oldInputs.size !== news.size;
    return {
      changes,
      ...(changes && { detailed: { 'changes["tickets.t9"]': { kind: "update" as const, inputDiff: true } } }),
    };
  },
  async create(call, { inputs, preview, timeout }) {
    if (call.name === "loud") {
      for (let step = 1; step <= 50; step++) call.report.progress(`step ${step}`);
      call.report.info("made with hunter2hunter2");
      call.report.warn("but slowly");
    }
    if (call.name === "broken") throw new Error("could not log in with hunter2hunter2");
    if (call.name === "partial") {
      throw new PartialFailure({ id: "half", outputs: { done: ["a", new Secret("b")] }, reasons: ["2 of 3: locked"] });
    }
    if (call.name === "waits") {
      call.report.info("waiting");
      await new Promise((_, reject) =>
        call.signal.addEventListener("abort", () => reject(new Error("rolled back: cancelled"))),
      );
    }
    return { id: "7", outputs: { ...inputs, id: preview ? unknown : "7", key: new Secret("made"), preview, timeout } };
  },
  async update(_call, { news, olds, oldInputs, preview }) {
    return { outputs: { news, olds, oldInputs, preview } };
  },
  async read(call, { id, inputs, olds }) {
    return call.name === "gone" ? undefined : { id, inputs, outputs: olds };
  },
  async delete() {
    throw new Error("not today");
  },
};

const sample: Provider = {
  name: "sample",
  version: "1.2.3",
  schema: async () => ({ name: "sample", resources: {} }),
  async checkConfig(news) {
    return { inputs: { ...news, port: 5432 }, failures: [{ property: "host", reason: "is not set" }] };
  },
  async configure(config) {
    if (config.host === "nowhere") throw new Error("no such host: nowhere");
  },
  resources: { "sample:index:Thing": thing },
  functions: {
    "sample:index:double": async ({ n }, { preview }) =>
      typeof n === "number"
        ? { result: { n: n * 2, preview } }
        : { failures: [{ property: "n", reason: "must be a number" }] },
  },
  async close() {
    if (process.env.SAMPLE_JOURNAL) appendFileSync(process.env.SAMPLE_JOURNAL, "closed\n");
  },
};

await serve(sample);
