import { credentials, Server } from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import languageService from "@pulumi/pulumi/proto/language_grpc_pb.js";
import { listen } from "../../provider/rpc/listen.ts";
import { channelOptions, watchEngine } from "../../provider/rpc/plugin.ts";
import { Children, type Inherited } from "./run.ts";
import { languageRuntime } from "./runtime.ts";

/** A language host that serves one engine. */
export interface LanguageHost {
  /** On the loopback interface. */
  port: number;
  /** Stops the program. Calling it again does nothing. */
  stop(): void;
}

/**
 * Serves the LanguageRuntime service (proto/language.proto in the SDK) to an engine.
 *
 * @param engineAddress host:port
 * @param inherited what its programs inherit
 * @param ended called once the engine has ended or was killed
 */
export async function serveLanguage(
  engineAddress: string,
  inherited: Inherited,
  ended: () => void,
): Promise<LanguageHost> {
  const children = new Children(inherited);
  const server = new Server(channelOptions);
  const engine = new engineService.EngineClient(engineAddress, credentials.createInsecure(), channelOptions);
  const stop = (): void => {
    children.stop();
    engine.close();
    server.forceShutdown();
  };
  watchEngine(engine, () => {
    stop();
    ended();
  });
  server.addService(languageService.LanguageRuntimeService, { ...languageRuntime(engineAddress, children) });
  const port = await listen(server);
  return { port, stop };
}
