/**
 * Runs checks at the same time as the tests: `node test/together.ts CHECK... -- COMMAND ARGUMENTS...`.
 *
 * A check is a shell command. It is silent if it succeeds; if it fails, its output follows at once, and its name again at the
 * end. The exit code is 0 if every check and COMMAND succeeded, else 1.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** Resolves to whether the check succeeded. */
async function check(command: string): Promise<boolean> {
  const child = spawn(`(${command}) 2>&1`, { shell: true, stdio: ["ignore", "pipe", "inherit"] });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (code !== 0) process.stdout.write(`\n${said}\n${command} failed (exit code ${code})\n`);
  return code === 0;
}

const separator = process.argv.indexOf("--");
const checks = process.argv.slice(2, separator);
const [command = "", ...args] = process.argv.slice(separator + 1);

// Ctrl-C in a terminal also reaches the commands, which end themselves.
process.on("SIGINT", () => undefined);
const checked = Promise.all(checks.map(check));
const [code] = await once(spawn(command, args, { stdio: "inherit" }), "close");
const succeeded = await checked;
for (const [index, each] of checks.entries()) if (!succeeded[index]) console.log(`${each} failed: its output is above`);
process.exitCode = code === 0 && succeeded.every(Boolean) ? 0 : 1;
