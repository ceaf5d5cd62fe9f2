import { z } from "zod";
import { explainDocker } from "../../../provider/docker/client.ts";
import type { ResourceType } from "../../../provider/rpc/provider.ts";
import { reveal, Secret, unknown } from "../../../provider/rpc/values.ts";
import type { SandboxDocker } from "../../docker/api.ts";
import { checkInputs, orUnknown, readInputs, withoutInternals, withoutNulls } from "../inputs.ts";

const schema = z.strictObject({
  name: orUnknown(z.string()),
  /** Base64. */
  data: orUnknown(z.base64("is not base64")),
  labels: orUnknown(z.array(z.strictObject({ label: orUnknown(z.string()), value: orUnknown(z.string()) }))).optional(),
});

/**
 * The official plugin's `docker_secret` (kreuzwerker/terraform-provider-docker): every change replaces the secret. The
 * default name is the resource's name with seven random digits, so that the new secret can be created before the previous
 * one is deleted.
 */
export function secretResource(docker: () => SandboxDocker): ResourceType {
  return {
    async check({ name }, { olds, news, randomSeed }) {
      const given = withoutNulls(news);
      const random = Buffer.from(randomSeed).toString("hex").slice(0, 7);
      const named = { ...given, name: given.name ?? olds?.name ?? `${name}-${random}` };
      return { inputs: named, failures: checkInputs(schema, named) };
    },

    async diff(_call, { olds, news }) {
      const after = withoutInternals(news);
      const replaces = Object.keys(schema.shape).filter(
        (key) => JSON.stringify(reveal(olds[key] ?? null)) !== JSON.stringify(reveal(after[key] ?? null)),
      );
      return { changes: replaces.length > 0, replaces };
    },

    async create(_call, { inputs, preview }) {
      const outputs = { ...inputs, data: new Secret(reveal(inputs.data ?? null)) };
      if (preview) return { id: "", outputs: { ...outputs, id: unknown } };
      const { name, data, labels } = readInputs(schema, inputs);
      const Labels = Object.fromEntries(
        (Array.isArray(labels) ? labels : []).map(({ label, value }) => [String(label), String(value)]),
      );
      try {
        const id = await docker().createSecret({ Name: String(name), Data: String(data), Labels });
        return { id, outputs: { ...outputs, id } };
      } catch (error) {
        throw explainDocker(`creating the secret ${String(name)}`, error);
      }
    },

    async update() {
      throw new Error("a change of a secret replaces it: there is nothing to update");
    },

    async read(_call, { id, inputs, olds }) {
      try {
        await docker().ask("GET", `/secrets/${id}`);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw explainDocker(`reading the secret ${id}`, error);
      }
      // Docker never returns a secret's data.
      return { id, inputs, outputs: olds };
    },

    async delete(_call, { id, olds }) {
      try {
        await docker().ask("DELETE", `/secrets/${id}`);
      } catch (error) {
        if (!isMissing(error)) throw explainDocker(`removing the secret ${String(reveal(olds.name ?? id))}`, error);
      }
    },
  };
}

function isMissing(error: unknown): boolean {
  return (error as { statusCode?: number }).statusCode === 404;
}
