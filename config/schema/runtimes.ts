import { z } from "zod";
import { milliseconds } from "../../model/duration.ts";
import { defaultGate } from "../../model/runtime.ts";
import { namedValues, names, oneOf, text, value, whole } from "./values.ts";

/** The keys of a service's runtime. */

const duration = value("a duration such as 5min, 60s or 250ms", (written) =>
  typeof written === "string" || typeof written === "number" ? milliseconds(written) : undefined,
);

const patterns = value("a list of regular expressions", (written) =>
  Array.isArray(written) && written.every(isPattern) ? (written as string[]) : undefined,
);

function isPattern(written: unknown): boolean {
  if (typeof written !== "string") return false;
  try {
    new RegExp(written);
    return true;
  } catch {
    return false;
  }
}

/** The units of compose's byte values: https://docs.docker.com/reference/compose-file/extension/#specifying-byte-values */
const byteUnits: Record<string, number> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

const bytes = value("an amount of memory such as 512m or 2g", (written) => {
  const [, number, unit = "b"] = /^(\d+)\s*(?:([bkmg])b?)?$/i.exec(String(written)) ?? [];
  return number === undefined ? undefined : Number(number) * (byteUnits[unit.toLowerCase()] as number);
});

const cpus = value("a number of CPUs such as 0.5", (written) =>
  /^\d+(\.\d+)?$/.test(String(written)) && Number(written) > 0 ? Number(written) : undefined,
);

const scalar = value("a text, a number, true or false", (written) =>
  ["string", "number", "boolean"].includes(typeof written) ? String(written) : undefined,
);

const words = (what: string) => names(what).optional();

const port = value("a port such as 8080:80, 127.0.0.1:8080:80 or 53:53/udp", (written) =>
  /^(?:(?:(?:[\d.]+|\[[\da-f:]+\]):)?\d+:)?\d+(?:\/(?:tcp|udp|sctp))?$/i.test(String(written))
    ? String(written)
    : undefined,
);

const volume = value("a volume such as data:/var/lib/data or /etc/app:/etc/app:ro", (written) =>
  typeof written === "string" && /^[^:]+:\/[^:]*(?::(?:ro|rw))?$/.test(written) ? written : undefined,
);

const restart = value("no, always, unless-stopped, on-failure or on-failure:5", (written) => {
  const policy = written === false ? "no" : String(written); // YAML 1.1 reads a bare `no` as false
  return /^(no|always|unless-stopped|on-failure(:\d+)?)$/.test(policy) ? policy : undefined;
});

/** A list of names, or names with their aliases. */
const networks = value("a list of networks, or network: {aliases: [...]}", (written) => {
  const named = z.record(z.string(), z.strictObject({ aliases: z.array(z.string()).default([]) }).nullable());
  if (Array.isArray(written)) {
    return written.every((name) => typeof name === "string")
      ? Object.fromEntries(written.map((name: string) => [name, { aliases: [] as string[] }]))
      : undefined;
  }
  const parsed = named.safeParse(written);
  if (!parsed.success) return undefined;
  return Object.fromEntries(Object.entries(parsed.data).map(([name, one]) => [name, one ?? { aliases: [] }]));
});

const extraHost = value("a host and its address, such as db:10.0.0.5", (written) =>
  typeof written === "string" && /^[^:\s]+:\S+$/.test(written) ? written : undefined,
);

export const container = z.strictObject({
  name: text("a container's name").optional(),
  existing: oneOf("refuse", "replace").optional(),
  image: text("an image with its tag or digest"),
  command: words("words of a command"),
  entrypoint: words("words of a command"),
  workingDir: text("a folder in the container").optional(),
  env: namedValues(scalar).default({}),
  ports: z.array(port).default([]),
  networks: networks.default({}),
  volumes: z.array(volume).default([]),
  mounts: z
    .array(
      z.strictObject({
        type: oneOf("bind", "volume", "tmpfs"),
        source: text("a path or a volume").optional(),
        target: text("a path in the container"),
        readOnly: oneOf(true, false).default(false),
      }),
    )
    .default([]),
  restart: restart.default("unless-stopped"),
  healthcheck: z
    .strictObject({
      test: names("words, the first CMD, CMD-SHELL or NONE"),
      interval: duration.optional(),
      timeout: duration.optional(),
      startPeriod: duration.optional(),
      retries: whole(1, 1000, "a whole number of at least 1").optional(),
    })
    .optional(),
  labels: namedValues(scalar).default({}),
  user: scalar.optional(),
  memory: bytes.optional(),
  cpus: cpus.optional(),
  logging: z.strictObject({ driver: text("a logging driver"), options: namedValues(scalar).default({}) }).optional(),
  stopSignal: text("a signal such as SIGTERM").optional(),
  stopGracePeriod: duration.optional(),
  extraHosts: z.array(extraHost).default([]),
  capAdd: names("capabilities").default([]),
  capDrop: names("capabilities").default([]),
});

export const compose = z.strictObject({
  files: names("compose files"),
  project: text("the name of a compose project").optional(),
  service: text("the name of a compose service").optional(),
  envFile: text("an env file"),
});

export const command = z.strictObject({
  path: text("an executable"),
  args: names("arguments").default([]),
});

export const gate = z.strictObject({
  timeout: duration.default(defaultGate.timeout),
  soak: duration.default(defaultGate.soak),
  patterns: patterns.default([]),
  ignore: patterns.default([]),
});
