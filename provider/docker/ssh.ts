import { spawn } from "node:child_process";
import { Agent } from "node:http";
import { Duplex } from "node:stream";

export interface SshHost {
  host: string;
  /** Empty: that of ssh's own configuration. */
  port: string;
  /** Empty: that of ssh's own configuration. */
  user: string;
}

/** At once, as sshd's MaxStartups begins to refuse from ten on. */
const mostAtOnce = 4;

const agents = new Map<string, Agent>();

/**
 * Connections through `ssh HOST docker system dial-stdio`, with the keys, the known hosts and the configuration of ssh. It
 * never asks for a password: the plugin has no terminal.
 */
export function sshAgent(to: SshHost): Agent {
  const name = JSON.stringify(to);
  const agent = agents.get(name) ?? Object.assign(new Agent({ maxSockets: mostAtOnce }), { createConnection });
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
  let said = "";
  child.stderr.on("data", (chunk) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  const stream = new Duplex({
    read: () => child.stdout.resume(),
    // When ssh has ended, its exit says why.
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
    code === 0 ? stream.push(null) : fail(said.trim().replaceAll(/\s*\n\s*/g, "; ") || `exit code ${code}`),
  );
  return stream;
}
