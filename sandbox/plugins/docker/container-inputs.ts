import { z } from "zod";
import { orUnknown } from "../inputs.ts";

const text = orUnknown(z.string());
const texts = orUnknown(z.array(orUnknown(z.string())));
const flag = orUnknown(z.boolean());
const whole = orUnknown(z.int());

/** What of the official Container's inputs the stand-in implements. */
export const containerInputs = z.strictObject({
  name: text,
  image: text,
  command: texts.optional(),
  entrypoints: texts.optional(),
  workingDir: text.optional(),
  envs: texts.optional(),
  user: text.optional(),
  labels: orUnknown(z.array(z.strictObject({ label: text, value: text }))).optional(),
  ports: orUnknown(
    z.array(
      z.strictObject({ internal: whole, external: whole.optional(), ip: text.optional(), protocol: text.optional() }),
    ),
  ).optional(),
  networksAdvanced: orUnknown(z.array(z.strictObject({ name: text, aliases: texts.optional() }))).optional(),
  volumes: orUnknown(
    z.array(
      z.strictObject({
        containerPath: text,
        hostPath: text.optional(),
        volumeName: text.optional(),
        readOnly: flag.optional(),
      }),
    ),
  ).optional(),
  mounts: orUnknown(
    z.array(z.strictObject({ type: text, source: text.optional(), target: text, readOnly: flag.optional() })),
  ).optional(),
  hosts: orUnknown(z.array(z.strictObject({ host: text, ip: text }))).optional(),
  capabilities: orUnknown(z.strictObject({ adds: texts.optional(), drops: texts.optional() })).optional(),
  healthcheck: orUnknown(
    z.strictObject({
      tests: texts.optional(),
      interval: text.optional(),
      timeout: text.optional(),
      startPeriod: text.optional(),
      retries: whole.optional(),
    }),
  ).optional(),
  logDriver: text.optional(),
  logOpts: orUnknown(z.record(z.string(), text)).optional(),
  stopSignal: text.optional(),
  /** Seconds. */
  stopTimeout: whole.optional(),
  restart: text.optional(),
  maxRetryCount: whole.optional(),
  /** MB. */
  memory: whole.optional(),
  /** Memory and swap; read back as twice the memory when it is not given, which is a difference: give it. */
  memorySwap: whole.optional(),
  cpus: text.optional(),
  mustRun: flag.optional(),
  /** Seconds between the stop signal and the kill when it is deleted; without it the container is killed at once. */
  destroyGraceSeconds: whole.optional(),
  wait: flag.optional(),
  waitTimeout: whole.optional(),
});
export type ContainerInputs = z.infer<typeof containerInputs>;

/** The networks a container is connected to, with its names there. */
export function networksOf({ networksAdvanced }: ContainerInputs): { name: string; aliases: string[] }[] {
  const given = Array.isArray(networksAdvanced) ? networksAdvanced : [];
  return given.map(({ name, aliases }) => ({
    name: String(name),
    aliases: Array.isArray(aliases) ? aliases.map(String) : [],
  }));
}
