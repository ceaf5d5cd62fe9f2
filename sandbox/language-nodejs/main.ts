/**
 * The executable `pulumi-language-nodejs` of the sandbox: what lets the engine run Node programs and policy packs where
 * Pulumi's own language host, which comes with the official download of the engine, is not there.
 *
 * As every language host it serves the LanguageRuntime service (the SDK's proto/language.proto) on a port that it prints
 * as its first line, and is given the engine's address as its last argument.
 */
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import languageService from "@pulumi/pulumi/proto/language_grpc_pb.js";
import { unlimited, watchEngine } from "../../provider/rpc/plugin.ts";
import { Children } from "./children.ts";
import { languageRuntime } from "./runtime.ts";

const engineAddress = process.argv.at(-1);
if (!engineAddress || process.argv.length < 3) {
  console.error("usage: pulumi-language-nodejs [FLAGS] ENGINE-ADDRESS (it is started by the Pulumi engine)");
  process.exit(2);
}

const children = new Children();
const leave = (): void => {
  children.stop();
  process.exit(0);
};
process.on("SIGINT", leave);
process.on("SIGTERM", leave);
watchEngine(new engineService.EngineClient(engineAddress, credentials.createInsecure(), unlimited), leave);

const server = new Server(unlimited);
server.addService(languageService.LanguageRuntimeService, { ...languageRuntime(engineAddress, children) });
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
