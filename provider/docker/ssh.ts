import { spawn } from "node:child_process";
import type { Agent } from "node:http";
import { Duplex } from "node:stream";

export interface SshHost {
  host: string;
  /** Empty: from the configuration of ssh. */
  port: string;
  /** Empty: from the configuration of ssh. */
  user: string;
}

/** Maximum number of connections: sshd refuses some from ten on (MaxStartups). */
const maxConnections = 4;

const agents = new Map<string, Agent>();

/**
 * Connections through `ssh HOST docker system dial-stdio`, with the keys, known hosts and configuration of ssh. ssh never asks for
 * a password, since the plugin has no terminal.
 */
export function sshAgent(to: SshHost): Agent {
  const name = JSON.stringify(to);
  // As in connection.ts.
  const http = process.getBuiltinModule("node:http");
  const agent = agents.get(name) ?? Object.assign(new http.Agent({ maxSockets: maxConnections }), { createConnection });
  agents.set(name, agent);
  return agent;

  function createConnection(): Duplex {
    return dial(to);
  }
}

function dial({ host, port, user }: SshHost): Duplex {
  const login = [...(user ? ["-l", user] : []), ...(port ? ["-p", port] : [])];
  const options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-T", ...login];
  const child = spawn("ssh", [...options, "--", host, "docker", "system", "dial-stdio"]);
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr = `${stderr}${chunk}`.slice(-2000);
  });
  const stream = new Duplex({
    read: () => child.stdout.resume(),
    // After ssh has exited, `close` reports the reason.
    write: (chunk, _encoding, done) => child.stdin.write(chunk, () => done()),
    final: (done) => child.stdin.end(() => done()),
    destroy(error, done) {
      child.kill();
      done(error);
    },
  });
  const fail = (reason: string) => stream.destroy(Object.assign(new Error(`ssh ${host}: ${reason}`), { code: "ESSH" }));
  child.stdout.on("data", (chunk) => stream.push(chunk) || child.stdout.pause());
  child.stdin.on("error", () => undefined);
  child.once("error", ({ message }) => fail(message));
  child.once("close", (code) =>
    code === 0 ? stream.push(null) : fail(stderr.trim().replaceAll(/\s*\n\s*/g, "; ") || `exit code ${code}`),
  );
  return stream;
}
