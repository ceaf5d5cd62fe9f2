import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { ILanguageRuntimeServer } from "@pulumi/pulumi/proto/language_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/language_pb.js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { dependencies, requiredPlugins } from "./packages.ts";
import { type Children, runPlugin, runProgram } from "./run.ts";

/** The calls that the sandbox implements. */
type Answered = Pick<
  ILanguageRuntimeServer,
  | "handshake"
  | "getPluginInfo"
  | "getRequiredPackages"
  | "run"
  | "runPlugin"
  | "installDependencies"
  | "runtimeOptionsPrompts"
  | "template"
  | "about"
  | "getProgramDependencies"
  | "cancel"
>;

/** The LanguageRuntime service. For other calls (code generation, packing, linking) gRPC returns UNIMPLEMENTED. */
export function languageRuntime(engineAddress: string, children: Children): Answered {
  return {
    handshake: (_call, reply) => reply(null, new messages.LanguageHandshakeResponse()),
    getPluginInfo: (_call, reply) => reply(null, new pluginMessages.PluginInfo()),
    getRequiredPackages: (call, reply) => {
      const response = new messages.GetRequiredPackagesResponse();
      for (const plugin of requiredPlugins(call.request.getInfo()?.getProgramDirectory() ?? "")) {
        const required = new pluginMessages.PackageDependency();
        required.setKind("resource");
        required.setName(plugin.name);
        required.setVersion(plugin.version);
        required.setServer(plugin.server);
        response.addPackages(required);
      }
      reply(null, response);
    },
    run: (call, reply) => {
      Promise.resolve()
        .then(() => runProgram(call.request, engineAddress, children))
        .then(
          (response) => reply(null, response),
          (error: Error) => reply(failure(error)),
        );
    },
    runPlugin: (call) => {
      try {
        runPlugin(call, children);
      } catch (error) {
        call.destroy(failure(error as Error));
      }
    },
    installDependencies: (call) => {
      // node_modules is a link to the project's own folder, which npm must not change.
      const message = new messages.InstallDependenciesResponse();
      message.setStdout(Buffer.from("The sandbox uses the project's packages, so there is nothing to install.\n"));
      call.write(message);
      call.end();
    },
    runtimeOptionsPrompts: (_call, reply) => reply(null, new messages.RuntimeOptionsResponse()),
    template: (_call, reply) => reply(null, new messages.TemplateResponse()),
    about: (_call, reply) => {
      const response = new messages.AboutResponse();
      response.setExecutable(process.execPath);
      response.setVersion(process.version);
      reply(null, response);
    },
    getProgramDependencies: (call, reply) => {
      const response = new messages.GetProgramDependenciesResponse();
      const directory = call.request.getInfo()?.getProgramDirectory() ?? "";
      for (const { name, version } of dependencies(directory, call.request.getTransitivedependencies())) {
        const dependency = new messages.DependencyInfo();
        dependency.setName(name);
        dependency.setVersion(version);
        response.addDependencies(dependency);
      }
      reply(null, response);
    },
    cancel: (_call, reply) => {
      children.stop();
      reply(null, new empty.Empty());
    },
  };
}

function failure(error: Error): ServiceError {
  return Object.assign(error, { code: status.UNKNOWN, details: error.message, metadata: new Metadata() });
}
