import { connectivityState, credentials } from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";

/** Options of every server and channel. */
export const channelOptions = {
  // No limit: the engine's own limit is far above the size of our messages.
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc.enable_channelz": 0,
  // A shared connection remembers that an earlier engine at this port has ended, and a new engine would seem to have ended too.
  "grpc.use_local_subchannel_pool": 1,
};

type EngineClient = InstanceType<typeof engineService.EngineClient>;

/** The running plugin: the connection to its engine, and its cancellation. */
export class Plugin {
  private readonly controller = new AbortController();
  private readonly release: () => Promise<void>;
  private readonly engineGone: () => void;
  private connection: { address: string; client: EngineClient } | undefined;
  private cancelling: Promise<void> | undefined;

  /** `release` closes the database sessions; `engineGone` is called when the engine has ended. */
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

  /** Connects to the engine at `address` (host:port), logs to it and watches it. */
  attach(address: string): void {
    if (address === "" || address === this.connection?.address) return;
    this.connection?.client.close();
    const client = new engineService.EngineClient(address, credentials.createInsecure(), channelOptions);
    this.connection = { address, client };
    watchEngine(client, this.engineGone);
  }

  /** What a SIGINT or SIGTERM does: it cancels, or ends the plugin by `quit` if it is cancelled already or has no engine to wait for. */
  interrupt(quit: () => void): void {
    if (this.signal.aborted || !this.engine) quit();
    else this.cancel().catch(quit);
  }

  /** Aborts running calls and closes the sessions; later calls are refused. */
  cancel(): Promise<void> {
    this.controller.abort(new Error("cancelled"));
    this.cancelling ??= this.release();
    return this.cancelling;
  }
}

/**
 * Calls `gone` once when the engine has ended or was killed. The kernel then closes the connection, which is kept open for that.
 */
export function watchEngine(engine: EngineClient, gone: () => void): void {
  const channel = engine.getChannel();
  const look = () => {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.SHUTDOWN) return;
    if (state === connectivityState.TRANSIENT_FAILURE) return gone();
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
  };
  look();
}
