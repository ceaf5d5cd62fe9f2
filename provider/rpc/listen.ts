import { type Server, ServerCredentials } from "@grpc/grpc-js";

/** Starts `server` on a free port of the loopback interface, and returns the port. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}
