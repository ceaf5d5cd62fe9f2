import { type PropertyMap, reveal } from "../../../provider/rpc/values.ts";
import type { PluginProcess } from "../../provider/rpc/plugin-process.ts";

/** A resource in the engine's state. */
export interface State {
  id: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
}

export type Step = "create" | "same" | "update" | "replace";

/** One resource of a program, with the calls that the engine makes. */
export class Resource {
  state: State | undefined;
  private readonly plugin: PluginProcess;
  private readonly urn: string;

  constructor(plugin: PluginProcess, type: string, name = "it") {
    this.plugin = plugin;
    this.urn = `urn:pulumi:dev::app::${type}::${name}`;
  }

  /** Runs an `up` that declares these inputs. Throws the user's error message. */
  async up(declared: PropertyMap): Promise<Step> {
    const { step, news } = await this.plan(declared);
    const { state } = this;
    if (step === "update" && state) {
      const args = { oldInputs: sent(state.inputs), olds: sent(state.outputs), news: sent(news) };
      const outputs = await this.plugin.update(this.urn, state.id, args);
      this.state = { id: state.id, inputs: news, outputs };
    } else if (step !== "same") {
      const { id, outputs } = await this.plugin.create(this.urn, sent(news));
      if (step === "replace") await this.destroy();
      this.state = { id, inputs: news, outputs };
    }
    return step;
  }

  /** The step and the outputs of a preview. */
  async preview(declared: PropertyMap): Promise<{ step: Step; outputs: PropertyMap }> {
    const { step, news } = await this.plan(declared);
    const { state } = this;
    if (step === "same") return { step, outputs: state?.outputs ?? {} };
    if (step !== "update" || !state) {
      return { step, outputs: (await this.plugin.create(this.urn, sent(news), true)).outputs };
    }
    const args = { oldInputs: sent(state.inputs), olds: sent(state.outputs), news: sent(news), preview: true };
    return { step, outputs: await this.plugin.update(this.urn, state.id, args) };
  }

  /** Reads the live resource, as `refresh` does. Removes a missing one from the state. */
  async refresh(): Promise<void> {
    const { id, inputs, outputs } = this.kept();
    this.state = await this.plugin.read(this.urn, id, { inputs: sent(inputs), outputs: sent(outputs) });
  }

  /** Imports an existing resource into the state. */
  async import(id: string): Promise<void> {
    this.state = await this.plugin.read(this.urn, id);
  }

  async destroy(): Promise<void> {
    const { id, inputs, outputs } = this.kept();
    await this.plugin.delete(this.urn, id, { inputs: sent(inputs), outputs: sent(outputs) });
    this.state = undefined;
  }

  /** The outputs, without secret marks. */
  get outputs(): PropertyMap {
    return reveal(this.kept().outputs) as PropertyMap;
  }

  private kept(): State {
    if (!this.state) throw new Error("the resource is not in the state");
    return this.state;
  }

  private async plan(declared: PropertyMap): Promise<{ step: Step; news: PropertyMap }> {
    const { inputs: news, failures } = await this.plugin.check(
      this.urn,
      sent(declared),
      sent(this.state?.inputs ?? {}),
    );
    if (failures.length > 0) {
      throw new Error(failures.map(({ property, reason }) => `${property}: ${reason}`).join("; "));
    }
    if (!this.state) return { step: "create", news };
    const args = { oldInputs: sent(this.state.inputs), olds: sent(this.state.outputs), news: sent(news) };
    const diff = await this.plugin.diff(this.urn, this.state.id, args);
    return { step: !diff.changes ? "same" : diff.replaces.length > 0 ? "replace" : "update", news };
  }
}

/** The official plugins do not accept secret marks, so the engine sends plain values. */
function sent(properties: PropertyMap): PropertyMap {
  return reveal(properties) as PropertyMap;
}
