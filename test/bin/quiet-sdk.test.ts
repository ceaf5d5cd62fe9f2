import "../../bin/quiet-sdk.js";
import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { startEngine } from "../provider/rpc/engine.ts";

test("the engine gets the program's messages without the SDK's debug messages", async () => {
  const engine = await startEngine();
  pulumi.runtime.resetOptions("project", "stack", 1, engine.address, "", false, "organization");
  try {
    await pulumi.log.debug("RegisterResource RPC prepared");
    await pulumi.log.info("a message");
    expect(engine.lines.map(({ message }) => message)).toEqual(["a message"]);
  } finally {
    engine.stop();
  }
});
