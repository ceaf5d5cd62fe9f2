import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { PartialFailure } from "../../../provider/rpc/provider.ts";
import { Secrets } from "../../../provider/rpc/secrets.ts";
import { Refusal, toStatus } from "../../../provider/rpc/status.ts";
import { Secret } from "../../../provider/rpc/values.ts";

test("a refusal keeps its code, any other error is unknown to gRPC", () => {
  const refusal = new Refusal(status.CANCELLED, "cancelled");
  expect(toStatus(refusal, new Secrets())).toEqual({ code: status.CANCELLED, details: "cancelled" });
  expect(toStatus("thrown as a text", new Secrets())).toEqual({ code: status.UNKNOWN, details: "thrown as a text" });
});

test("the reasons of a partial failure are scrubbed as well", () => {
  const secrets = new Secrets();
  secrets.learn(new Secret("hunter2hunter2"));
  const failure = new PartialFailure({ id: "a", outputs: {}, reasons: ["login with hunter2hunter2"] });
  const { details, metadata } = toStatus(failure, secrets);
  expect(details).toBe("login with [secret]");
  const bytes = metadata?.get("grpc-status-details-bin")[0] as Buffer;
  expect(bytes.includes("login with [secret]")).toBe(true);
  expect(bytes.includes("hunter2")).toBe(false);
});

test("a partial failure that is too large for a header is an error with the reason", () => {
  const failure = new PartialFailure({ id: "a", outputs: { text: "x".repeat(9_000_000) }, reasons: ["half done"] });
  expect(toStatus(failure, new Secrets())).toEqual({
    code: status.UNKNOWN,
    details: "half done (too large for the state: the next up starts again)",
  });
});
