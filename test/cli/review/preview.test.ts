import { expect, test } from "vitest";
import { fingerprintOf } from "../../../cli/review/fingerprint.ts";
import { Secrets } from "../../../provider/rpc/secrets.ts";
import { Secret } from "../../../provider/rpc/values.ts";
import { previewOf, recorded, rendered } from "./recorded.ts";

test("no secret reaches a review or its fingerprint, even if the engine, a program or a plugin prints it in clear", async () => {
  const [configured, generated] = ["hunter22hunter", "0123456789abcdef".repeat(3)];
  const url = `postgresql://api:p@ss/w:rd-${generated}@db/x`;
  const verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$c3RvcmVk:c2VydmVy";
  const texts = [configured, url, generated, verifier, `md5${"0".repeat(32)}`];
  const events = recorded("change");
  for (const { resourcePreEvent: event } of events) {
    // As if the engine did not mask a single input or output.
    for (const state of [event?.metadata.old, event?.metadata.new]) {
      Object.assign(state?.inputs ?? {}, {
        password: configured,
        url,
        verifiers: { a: verifier },
        env: { KEY: generated },
      });
      Object.assign(state?.outputs ?? {}, { result: generated, legacyUrl: url });
    }
    if (event?.metadata.op === "update") event.metadata.detailedDiff = { password: {}, url: {} };
  }
  for (const severity of ["error", "warning"]) {
    events.push({ diagnosticEvent: { severity, message: `cannot log in with ${texts.join(" or ")}` } });
  }
  events.push({
    policyEvent: { policyName: "p", enforcementLevel: "mandatory", message: `d\nbad: ${texts.join(" ")}` },
  });
  const secrets = new Secrets();
  secrets.learn(new Secret([configured]));
  const said = rendered(events, secrets);
  expect(said).toContain("cannot log in with [secret]");
  const saved = JSON.stringify(await fingerprintOf("prod", previewOf(events, secrets), "Pulumi.prod.yaml"));
  for (const text of [...texts, "p@ss/w:rd", "c3RvcmVk"]) {
    expect(said).not.toContain(text);
    expect(saved).not.toContain(text);
  }
});

test("warnings about the installation of Pulumi are no part of a review", () => {
  const events = [
    { diagnosticEvent: { severity: "warning", message: "using pulumi-language-nodejs from $PATH at /usr/bin/x\n" } },
    { diagnosticEvent: { severity: "warning", message: "A new version of Pulumi is available.\n" } },
    { diagnosticEvent: { severity: "warning", message: "of the program" } },
  ];
  expect(previewOf(events).warnings).toEqual(["of the program"]);
});

test("a preview that stops early is not finished", () => {
  expect(previewOf(recorded("first").filter(({ summaryEvent }) => !summaryEvent)).isFinished).toBe(false);
  expect(previewOf(recorded("first")).isFinished).toBe(true);
});
