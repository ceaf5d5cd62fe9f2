import { credentials } from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import { watchEngine } from "./watch.ts";

/** As the engine's own limit is far above any message of ours, none is set. */
export const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

type EngineClient = InstanceType<typeof engineService.EngineClient>;

/** The running plugin: its engine, and the one way it is cancelled. */
export class Plugin {
  private readonly controller = new AbortController();
  private readonly release: () => Promise<void>;
  private readonly engineGone: () => void;
  private connection: { address: string; client: EngineClient } | undefined;
  private cancelling: Promise<void> | undefined;

  /** `release` gives up what is held (database sessions); `engineGone` is told when nobody is left to work for. */
  constructor(release: () => Promise<void>, engineGone: () => void) {
    this.release = release;
    this.engineGone = engineGone;
  }

  /** Undefined when the plugin was started by hand. */
  get engine(): EngineClient | undefined {
    return this.connection?.client;
  }

  /** Aborted once the plugin is cancelled. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Makes the engine at `address` (host:port) the one that is served, logged to and watched. */
  attach(address: string): void {
    if (address === "" || address === this.connection?.address) return;
    this.connection?.client.close();
    const client = new engineService.EngineClient(address, credentials.createInsecure(), unlimited);
    this.connection = { address, client };
    watchEngine(client, this.engineGone);
  }

  /** Aborts the calls under way and gives up what is held; calls that come later are refused. */
  cancel(): Promise<void> {
    this.controller.abort(new Error("cancelled"));
    this.cancelling ??= this.release();
    return this.cancelling;
  }
}
