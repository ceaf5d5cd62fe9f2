import { z } from "zod";
import { orUnknown } from "../inputs.ts";

type Leaf = <T extends z.ZodType>(schema: T) => T;

/** The inputs of the official Service that the stand-in implements, with the official defaults. */
function schema(leaf: Leaf) {
  const labels = z.array(z.strictObject({ label: leaf(z.string()), value: leaf(z.string()) }));

  /** A Go duration, such as 1m30s. The plugin reads it back in Go's format. */
  const duration = leaf(
    z.string().regex(/^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/, "expected a duration such as 5s or 1m30s"),
  );

  const updateConfig = z.strictObject({
    /** Number of replicas to update at a time. */
    parallelism: leaf(z.int().min(0)).default(1),
    delay: duration.default("0s"),
    failureAction: leaf(z.enum(["pause", "continue", "rollback"])).default("pause"),
    monitor: duration.default("5s"),
    order: leaf(z.enum(["stop-first", "start-first"])).default("stop-first"),
  });

  const containerSpec = z.strictObject({
    image: leaf(z.string()),
    /** Replaces the image's entrypoint. */
    commands: leaf(z.array(leaf(z.string()))).optional(),
    /** Replaces the image's command. */
    args: leaf(z.array(leaf(z.string()))).optional(),
    env: leaf(z.record(z.string(), leaf(z.string()))).optional(),
    dir: leaf(z.string()).optional(),
    user: leaf(z.string()).optional(),
    labels: labels.optional(),
    mounts: z
      .array(
        z.strictObject({
          type: leaf(z.string()),
          source: leaf(z.string()).optional(),
          target: leaf(z.string()),
          readOnly: leaf(z.boolean()).optional(),
        }),
      )
      .optional(),
    hosts: z.array(z.strictObject({ host: leaf(z.string()), ip: leaf(z.string()) })).optional(),
    capAdds: leaf(z.array(leaf(z.string()))).optional(),
    capDrops: leaf(z.array(leaf(z.string()))).optional(),
    healthcheck: z
      .strictObject({
        tests: leaf(z.array(leaf(z.string()))).optional(),
        interval: duration.default("0s"),
        timeout: duration.default("0s"),
        startPeriod: duration.default("0s"),
        retries: leaf(z.int().min(0)).default(0),
      })
      .optional(),
    stopSignal: leaf(z.string()).optional(),
    stopGracePeriod: duration.optional(),
    secrets: z
      .array(
        z.strictObject({
          secretId: leaf(z.string()),
          secretName: leaf(z.string()).optional(),
          fileName: leaf(z.string()),
          fileUid: leaf(z.string()).default("0"),
          fileGid: leaf(z.string()).default("0"),
          fileMode: leaf(z.int()).default(0o444),
        }),
      )
      .optional(),
  });

  return z.strictObject({
    name: leaf(z.string()),
    labels: labels.optional(),
    taskSpec: z.strictObject({
      containerSpec,
      networksAdvanceds: z
        .array(z.strictObject({ id: z.string(), aliases: leaf(z.array(leaf(z.string()))).optional() }))
        .optional(),
      logDriver: z
        .strictObject({ name: z.string(), options: leaf(z.record(z.string(), leaf(z.string()))).optional() })
        .optional(),
      restartPolicy: z
        .strictObject({
          condition: leaf(z.enum(["none", "on-failure", "any"])).optional(),
          delay: duration.optional(),
          maxAttempts: leaf(z.int().min(0)).optional(),
          /** Docker returns 0s if it is omitted, which every later up shows as a change. */
          window: duration.optional(),
        })
        .optional(),
      resources: z
        .strictObject({
          limits: z
            .strictObject({ memoryBytes: leaf(z.int()).optional(), nanoCpus: leaf(z.int()).optional() })
            .optional(),
        })
        .optional(),
    }),
    mode: z.strictObject({ replicated: z.strictObject({ replicas: leaf(z.int().min(0)).default(1) }) }).optional(),
    updateConfig: updateConfig.optional(),
    rollbackConfig: updateConfig.optional(),
    endpointSpec: z
      .strictObject({
        ports: z
          .array(
            z.strictObject({
              targetPort: leaf(z.int()),
              publishedPort: leaf(z.int()).optional(),
              protocol: leaf(z.enum(["tcp", "udp", "sctp"])).default("tcp"),
              publishMode: leaf(z.enum(["ingress", "host"])).default("ingress"),
            }),
          )
          .optional(),
      })
      .optional(),
    /** If set, create waits until all replicas run, and update until the rollout ends. If omitted, neither waits. */
    convergeConfig: z.strictObject({ delay: duration.default("7s"), timeout: duration.default("3m") }).optional(),
  });
}

/** The inputs of an up. */
export const serviceInputs = schema((known) => known);
export type ServiceInputs = z.infer<typeof serviceInputs>;

/** The inputs of a preview, which can be unknown. */
export const previewInputs = schema((known) => orUnknown(known) as unknown as typeof known);
