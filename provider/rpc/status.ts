import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import providerMessages from "@pulumi/pulumi/proto/provider_pb.js";
import statusMessages from "@pulumi/pulumi/proto/status_pb.js";
import any from "google-protobuf/google/protobuf/any_pb.js";
import { toStruct } from "./marshal.ts";
import { PartialFailure } from "./provider.ts";
import type { Secrets } from "./secrets.ts";

/** Refuses a call: an unknown token, an unsupported feature. */
export class Refusal extends Error {
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** The message of an error, without its stack. */
function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : String(error);
}

/** Bytes. Details are sent in a header, and the engine drops the connection for headers above 16 MiB. */
const maxDetails = 8 * 1024 * 1024;

/**
 * The gRPC status for an error of a resource. The details of a PartialFailure have its outputs (ErrorResourceInitFailed of the SDK's
 * proto/provider.proto), which the engine keeps in the state.
 */
export function toStatus(error: unknown, secrets: Secrets): Partial<StatusObject> {
  const message = secrets.scrub(messageOf(error));
  if (error instanceof Refusal) return { code: error.code, details: message };
  if (!(error instanceof PartialFailure)) return { code: status.UNKNOWN, details: message };

  const failure = new providerMessages.ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(toStruct(error.outputs))
    .setReasonsList(error.reasons.map((reason) => secrets.scrub(reason)));
  if (error.inputs) failure.setInputs(toStruct(error.inputs));
  const detail = new any.Any();
  detail.pack(failure.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const report = new statusMessages.Status().setCode(status.UNKNOWN).setMessage(message).setDetailsList([detail]);
  const details = Buffer.from(report.serializeBinary());
  if (details.length > maxDetails) {
    return { code: status.UNKNOWN, details: `${message} (too large for the state: the next up starts again)` };
  }
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", details);
  return { code: status.UNKNOWN, details: message, metadata };
}
