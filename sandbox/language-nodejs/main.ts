/**
 * The sandbox's `pulumi-language-nodejs`: it lets the engine run Node programs and policy packs on machines without
 * Pulumi's own language host, which is part of the official download of the engine.
 *
 * Like every language host, it prints its port as the first line, and receives the engine's address as its last argument.
 */
import { serveLanguage } from "./serve.ts";

const engineAddress = process.argv.at(-1);
if (!engineAddress || process.argv.length < 3) {
  console.error("usage: pulumi-language-nodejs [FLAGS] ENGINE-ADDRESS (the Pulumi engine starts this program)");
  process.exit(2);
}

const inherited = { cwd: process.cwd(), env: process.env, stdout: "inherit", stderr: "inherit" } as const;
const host = await serveLanguage(engineAddress, inherited, () => process.exit(0));
const stop = (): void => {
  host.stop();
  process.exit(0);
};
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
process.stdout.write(`${host.port}\n`);
