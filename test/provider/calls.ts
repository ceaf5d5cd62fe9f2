import type { Call } from "../../provider/rpc/provider.ts";

/** A call as the engine makes it; `lines` collects its reports. */
export function testCall(): Call & { lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string) => void lines.push(message);
  return {
    urn: "urn:pulumi:test::app-roles::test::test",
    name: "test",
    lines,
    report: { info: keep, warn: keep, progress: keep },
    signal: new AbortController().signal,
  };
}
