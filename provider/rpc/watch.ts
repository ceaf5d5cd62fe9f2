import { connectivityState } from "@grpc/grpc-js";
import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";

/**
 * Calls `gone` once when the engine's server can no longer be reached: the engine ended or was killed. The connection
 * is kept open for that; the kernel closes it with the engine's process, however that ends.
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
