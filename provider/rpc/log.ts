import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/engine_pb.js";
import type { Report } from "./provider.ts";
import type { Secrets } from "./secrets.ts";

type Severity = messages.LogSeverity;

interface Line {
  severity: Severity;
  text: string;
  ephemeral: boolean;
}

/** The lines of one call, sent to the engine one at a time so that they arrive in order. */
export class CallLog implements Report {
  private readonly engine: EngineClient | undefined;
  private readonly urn: string;
  private readonly secrets: Secrets;
  private readonly waiting: Line[] = [];
  private sending: Promise<void> | undefined;

  /** Without an engine (a plugin started by hand) the lines are discarded. */
  constructor(engine: EngineClient | undefined, urn: string, secrets: Secrets) {
    this.engine = engine;
    this.urn = urn;
    this.secrets = secrets;
  }

  // Functions, not methods, since callers pass them as values: `watch(call.report.warn)`.
  readonly info = (message: string): void => this.add(messages.LogSeverity.INFO, message, false);

  readonly warn = (message: string): void => this.add(messages.LogSeverity.WARNING, message, false);

  readonly progress = (message: string): void => {
    // Only the last progress line matters: a fast reporter must not delay its own call.
    const last = this.waiting.findIndex((line) => line.ephemeral);
    if (last >= 0) this.waiting.splice(last, 1);
    this.add(messages.LogSeverity.INFO, message, true);
  };

  /** Resolves when the engine has every line. */
  async flush(): Promise<void> {
    while (this.sending) await this.sending;
  }

  private add(severity: Severity, text: string, ephemeral: boolean): void {
    if (!this.engine) return;
    this.waiting.push({ severity, text: this.secrets.scrub(text), ephemeral });
    this.sending ??= this.drain(this.engine);
  }

  private async drain(engine: EngineClient): Promise<void> {
    for (let line = this.waiting.shift(); line; line = this.waiting.shift()) await this.send(engine, line);
    this.sending = undefined;
  }

  private send(engine: EngineClient, line: Line): Promise<void> {
    const request = new messages.LogRequest()
      .setSeverity(line.severity)
      .setMessage(line.text)
      .setUrn(this.urn)
      .setEphemeral(line.ephemeral);
    // A failed delivery must not fail the work; watchEngine handles a dead engine.
    return new Promise((resolve) => engine.log(request, () => resolve()));
  }
}
