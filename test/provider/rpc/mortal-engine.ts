import { spawn } from "node:child_process";
import { startEngine } from "./engine.ts";

/** An engine in a separate process, to be killed: starts the plugin in its arguments and prints the process id. */
const engine = await startEngine();
const [file = "", ...args] = process.argv.slice(2);
const plugin = spawn(file, [...args, engine.address], { stdio: ["pipe", "pipe", "inherit"], detached: true });
plugin.stdout.once("data", (port: Buffer) => process.stdout.write(`${plugin.pid} ${port.toString()}`));
