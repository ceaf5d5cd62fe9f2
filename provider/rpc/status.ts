import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import providerMessages from "@pulumi/pulumi/proto/provider_pb.js";
import statusMessages from "@pulumi/pulumi/proto/status_pb.js";
import any from "google-protobuf/google/protobuf/any_pb.js";
import { marshal } from "./marshal.ts";
import { PartialFailure } from "./provider.ts";
import type { Secrets } from "./secrets.ts";

/** A refusal of a call as such: an unknown token, a feature this provider does not have. */
export class Refusal extends Error {
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** What the user is to read about an error: its message and nothing else. */
function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : String(error);
}

/** Bytes; details travel as a header, and a header list above 16 MiB makes the engine drop the connection. */
const largestDetails = 8 * 1024 * 1024;

/**
 * The gRPC status for an error thrown by a resource. A PartialFailure carries what was done in its details
 * (ErrorResourceInitFailed of the SDK's proto/provider.proto), so that the engine keeps it in the state.
 */
export function toStatus(error: unknown, secrets: Secrets): Partial<StatusObject> {
  const message = secrets.scrub(messageOf(error));
  if (error instanceof Refusal) return { code: error.code, details: message };
  if (!(error instanceof PartialFailure)) return { code: status.UNKNOWN, details: message };

  const failure = new providerMessages.ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(marshal(error.outputs))
    .setReasonsList(error.reasons.map((reason) => secrets.scrub(reason)));
  if (error.inputs) failure.setInputs(marshal(error.inputs));
  const detail = new any.Any();
  detail.pack(failure.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const report = new statusMessages.Status().setCode(status.UNKNOWN).setMessage(message).setDetailsList([detail]);
  const details = Buffer.from(report.serializeBinary());
  if (details.length > largestDetails) {
    return { code: status.UNKNOWN, details: `${message} (too large for the state: the next up starts it anew)` };
  }
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", details);
  return { code: status.UNKNOWN, details: message, metadata };
}
