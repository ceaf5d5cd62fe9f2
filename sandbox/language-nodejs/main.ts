/**
 * The sandbox's `pulumi-language-nodejs`: it lets the engine run Node programs and policy packs on machines without
 * Pulumi's own language host, which is part of the official download of the engine.
 *
 * Like every language host, it serves the LanguageRuntime service (proto/language.proto in the SDK), prints its port as the
 * first line, and receives the engine's address as its last argument.
 */
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import languageService from "@pulumi/pulumi/proto/language_grpc_pb.js";
import { unlimited, watchEngine } from "../../provider/rpc/plugin.ts";
import { Children } from "./run.ts";
import { languageRuntime } from "./runtime.ts";

const engineAddress = process.argv.at(-1);
if (!engineAddress || process.argv.length < 3) {
  console.error("usage: pulumi-language-nodejs [FLAGS] ENGINE-ADDRESS (the Pulumi engine starts this program)");
  process.exit(2);
}

const children = new Children();
const stop = (): void => {
  children.stop();
  process.exit(0);
};
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
watchEngine(new engineService.EngineClient(engineAddress, credentials.createInsecure(), unlimited), stop);

const server = new Server(unlimited);
server.addService(languageService.LanguageRuntimeService, { ...languageRuntime(engineAddress, children) });
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
