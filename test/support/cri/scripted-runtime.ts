import { Client, credentials, Metadata, Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js';

/** How gRPC carries a method whose messages stay bytes. */
interface Method {
  readonly kind: 'unary' | 'serverStream' | 'bidi';
  readonly handle: UntypedHandleCall;
}

/** Methods by their full name. */
export type ScriptedMethods = Readonly<Record<string, Method>>;

const same = (bytes: Buffer): Buffer => bytes;
const unlimited = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.max_metadata_size': 1024 * 1024,
};

/**
 * A gRPC server on a Unix socket that plays the container runtime: methods by full name
 * (`runtime.v1.RuntimeService/Status`), messages as bytes.
 */
export async function startScriptedRuntime(socketPath: string, methods: ScriptedMethods) {
  const server = new Server(unlimited);
  for (const [name, { kind, handle }] of Object.entries(methods)) {
    server.register(`/${name}`, handle as never, same, same, kind);
  }
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return { kill: () => server.forceShutdown(), shutDown: () => server.tryShutdown(() => undefined) };
}

/** A gRPC client on a Unix socket whose messages stay bytes. */
export class BytesClient extends Client {
  constructor(socketPath: string) {
    super(`unix:${socketPath}`, credentials.createInsecure(), {
      ...unlimited,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 100,
    });
  }

  /**
   * One unary call; resolves with the message, response metadata and trailers, rejects with
   * grpc-js' ServiceError.
   */
  unary(method: string, message: Uint8Array, options: { metadata?: Metadata; timeout?: number } = {}) {
    return new Promise<{ message: Buffer; header: Metadata; trailer: Metadata }>((resolve, reject) => {
      let header = new Metadata();
      let reply: Buffer | undefined;
      const deadline = options.timeout === undefined ? {} : { deadline: Date.now() + options.timeout };
      const call = this.makeUnaryRequest<Buffer, Buffer>(
        `/${method}`,
        same,
        same,
        Buffer.from(message),
        options.metadata ?? new Metadata(),
        deadline,
        (error, value) => {
          if (error !== null) reject(error);
          else reply = value;
        },
      );
      call.on('metadata', (metadata: Metadata) => {
        header = metadata;
      });
      call.on('status', (status) => {
        if (reply !== undefined) resolve({ message: reply, header, trailer: status.metadata });
      });
    });
  }

  serverStream(method: string, message: Uint8Array) {
    return this.makeServerStreamRequest<Buffer, Buffer>(`/${method}`, same, same, Buffer.from(message));
  }

  bidi(method: string) {
    return this.makeBidiStreamRequest<Buffer, Buffer>(`/${method}`, same, same);
  }
}
