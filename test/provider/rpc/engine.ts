import { Server } from "@grpc/grpc-js";
import service from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/engine_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { listen } from "../../../provider/rpc/listen.ts";

export interface Line {
  severity: "debug" | "info" | "warning" | "error";
  urn: string;
  message: string;
  ephemeral: boolean;
}

const severities = {
  [messages.LogSeverity.DEBUG]: "debug",
  [messages.LogSeverity.INFO]: "info",
  [messages.LogSeverity.WARNING]: "warning",
  [messages.LogSeverity.ERROR]: "error",
} as const;

/** The part of the engine's service that plugins call; `lines` collects their log lines. */
export interface Engine {
  address: string;
  lines: Line[];
  stop(): void;
}

export async function startEngine(): Promise<Engine> {
  const lines: Line[] = [];
  const server = new Server();
  server.addService(service.EngineService, {
    log(call: { request: messages.LogRequest }, callback: (error: null, response: object) => void) {
      lines.push({
        severity: severities[call.request.getSeverity()],
        urn: call.request.getUrn(),
        message: call.request.getMessage(),
        ephemeral: call.request.getEphemeral(),
      });
      callback(null, new empty.Empty());
    },
  });
  const port = await listen(server);
  return { address: `127.0.0.1:${port}`, lines, stop: () => server.forceShutdown() };
}
