import type { DescMessage, DescMethodServerStreaming, DescMethodUnary, DescService } from '@bufbuild/protobuf';
import { create, fromBinary, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { ImageService, RuntimeService } from '../../../lib/cri/gen/cri_pb.js';

/** A call that the runtime (or what stands in front of it) refused: the gRPC status as it came. */
export class CriError extends Error {
  override readonly name = 'CriError';
  /** The number of the gRPC status code; its names are in `status`. */
  readonly code: number;
  readonly method: string;

  constructor(method: string, { code, details }: { code: number; details: string }) {
    super(details);
    this.code = code;
    this.method = method;
  }
}

/** The gRPC status codes by name. */
export const status = grpc.status;

export interface CallOptions {
  /**
   * Milliseconds until the call is given up with DEADLINE_EXCEEDED; 30 s for single answers, never
   * for streams.
   */
  readonly timeout?: number;
}

/** What a server sends on and on; the call is open from the start, whether read or not. */
export interface MessageStream<T> extends AsyncIterable<T> {
  cancel(): void;
}

type Call<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request?: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request?: MessageInitShape<I>, options?: CallOptions) => MessageStream<MessageShape<O>>
      : never;

type Calls<S extends DescService> = { readonly [Name in keyof S['method']]: Call<S['method'][Name]> };

/**
 * Both services of CRI v1, one method for each call, named as in the proto with a small first
 * letter.
 */
export type CriClient = Calls<typeof RuntimeService> &
  Calls<typeof ImageService> & {
    /** Any call by its path (`/runtime.v1.RuntimeService/Version`), bytes in, bytes out. */
    raw(path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
    close(): void;
  };

/**
 * A CRI client in the role of the kubelet, on a Unix socket given by its path.
 * Every failed call rejects with a CriError.
 */
export function connectCri(socket: string): CriClient {
  const channel = new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': 16 * 1024 * 1024,
    // tests stop and start servers at the same socket
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 500,
  });
  const client: Record<string, unknown> = {
    raw: (path: string, request: Uint8Array, options?: CallOptions) => callUnary(channel, path, request, options),
    close: () => channel.close(),
  };
  for (const service of [RuntimeService, ImageService]) {
    for (const method of service.methods) {
      const path = `/${service.typeName}/${method.name}`;
      const encode = (request?: MessageInitShape<DescMessage>): Uint8Array =>
        toBinary(method.input, create(method.input, request));
      client[method.localName] =
        method.methodKind === 'server_streaming'
          ? (request?: MessageInitShape<DescMessage>, options?: CallOptions) =>
              callStream(channel, path, { request: encode(request), output: method.output }, options)
          : async (request?: MessageInitShape<DescMessage>, options?: CallOptions) =>
              fromBinary(method.output, await callUnary(channel, path, encode(request), options));
    }
  }
  return client as CriClient;
}

const toWire = (message: Uint8Array): Buffer => Buffer.from(message);
const fromWire = (bytes: Buffer): Uint8Array => bytes;

function callUnary(
  channel: grpc.Client,
  path: string,
  request: Uint8Array,
  { timeout = 30_000 }: CallOptions = {},
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + timeout };
    channel.makeUnaryRequest(path, toWire, fromWire, request, new grpc.Metadata(), options, (error, response) => {
      if (error !== null) reject(new CriError(path, error));
      else if (response === undefined) reject(new CriError(path, { code: status.INTERNAL, details: 'no answer' }));
      else resolve(response);
    });
  });
}

function callStream(
  channel: grpc.Client,
  path: string,
  { request, output }: { request: Uint8Array; output: DescMessage },
  { timeout }: CallOptions = {},
): MessageStream<MessageShape<DescMessage>> {
  const options = timeout === undefined ? {} : { deadline: Date.now() + timeout };
  const call = channel.makeServerStreamRequest(path, toWire, fromWire, request, new grpc.Metadata(), options);
  // an error that comes before the first read is kept by the stream and thrown to the reader
  call.on('error', () => {});
  return {
    cancel: () => call.cancel(),
    async *[Symbol.asyncIterator]() {
      try {
        for await (const bytes of call) yield fromBinary(output, bytes);
      } catch (error) {
        throw isServiceError(error) ? new CriError(path, error) : error;
      } finally {
        call.cancel();
      }
    },
  };
}

function isServiceError(error: unknown): error is grpc.ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
