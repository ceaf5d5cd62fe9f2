/**
 * One process for the language hosts and stand-ins of many engines, and for the plugins pgaccess of sandboxes without
 * `pluginProcess`. An engine starts three to six plugins per command, and each would cost a quarter of a second of CPU time to
 * load the same modules; tests run hundreds of commands.
 *
 * The engine starts plugin.sh instead of a plugin. That script connects to this process and sends the token, its process id,
 * the plugin's name and arguments. The plugin runs here with the script's environment, working directory and output, and ends
 * with the script, for example after kill -9.
 *
 * Prints its port as the first line. Ends at the end of its stdin, with the process that started it.
 */
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { pgaccess } from "../../provider/pgaccess.ts";
import type { Provider } from "../../provider/rpc/provider.ts";
import { serveLanguage } from "../language-nodejs/serve.ts";
import { dockerProvider } from "../plugins/docker/provider.ts";
import { postgresqlProvider } from "../plugins/postgresql/provider.ts";
import { randomProvider } from "../plugins/random/provider.ts";
import { inheritedFrom, surroundingsOf } from "./process-of.ts";
import { type Hosted, serveProvider } from "./serve-provider.ts";
import { type Surroundings, separateSurroundings, within } from "./surroundings.ts";

const token = process.env.SANDBOX_PLUGIN_HOST_TOKEN;
if (!token) throw new Error("SANDBOX_PLUGIN_HOST_TOKEN is not set");

separateSurroundings();

/** By name. The arguments are the script's process id, the engine's address, and what to do when the engine has ended. */
type Plugins = Record<string, (pid: number, engine: string, ended: () => void) => Promise<Hosted>>;

const plugins: Plugins = {
  nodejs: async (pid, engine, ended) => {
    const { inherited, close } = inheritedFrom(pid);
    const { port, stop } = await serveLanguage(engine, inherited, ended);
    return {
      port,
      async stop() {
        stop();
        close();
      },
    };
  },
  random: resource(() => randomProvider()),
  postgresql: resource(({ env }) => postgresqlProvider(env)),
  docker: resource(({ env }) => dockerProvider(env)),
  pgaccess: resource(() => pgaccess()),
};

function resource(create: (surroundings: Surroundings) => Provider): Plugins[string] {
  return async (pid, engine, ended) => {
    const surroundings = surroundingsOf(pid);
    return within(surroundings, () =>
      serveProvider(create(surroundings), engine, ended, (work) => within(surroundings, work)),
    );
  };
}

const server = createServer(async (socket) => {
  // The script was killed.
  socket.on("error", () => undefined);
  let hosted: Promise<Hosted> | undefined;
  let isEnded = false;
  const end = async (): Promise<void> => {
    isEnded = true;
    const plugin = hosted;
    hosted = undefined;
    await plugin?.then(({ stop }) => stop()).catch(() => undefined);
    socket.end();
  };
  socket.on("close", end);
  for await (const line of createInterface(socket)) {
    // The script sends an empty line for each SIGINT and SIGTERM.
    if (line === "") {
      const interrupt = (await hosted)?.interrupt ?? end;
      void interrupt();
      continue;
    }
    // The script was killed before its line was read: nobody would stop the plugin.
    if (isEnded) return;
    const [given, pid, name = "", ...args] = line.split(" ");
    const start = plugins[name];
    if (given !== token || !start) return void socket.destroy();
    hosted = start(Number(pid), args.at(-1) ?? "", end);
    hosted.then(
      ({ port }) => socket.write(`${port}\n`),
      (error: unknown) => {
        console.error(`plugin host: ${name} did not start:`, error);
        socket.destroy();
      },
    );
  }
}).listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.stdout.write(`${address.port}\n`);
});

process.stdin.on("end", () => process.exit()).resume();
// Ctrl-C in a terminal ends the process that started this one, but not before its commands.
process.on("SIGINT", () => undefined);
