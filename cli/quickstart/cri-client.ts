import type { DescMethodUnary } from '@bufbuild/protobuf';
import { create, fromBinary, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { frameMessage, readMessage } from '#lib/cri/message';
import { linkRuntime } from '#lib/cri/runtime-link';
import { FairleadError } from '#lib/errors';
import { ImageService, RuntimeService } from './gen/cri_pb.js';

/**
 * Calls one method of the CRI. Rejects with Unavailable, naming method and status, where the answer
 * is an error.
 */
type Call<M extends DescMethodUnary> = (request: MessageInitShape<M['input']>) => Promise<MessageShape<M['output']>>;

type Runtime = typeof RuntimeService.method;
type Images = typeof ImageService.method;

/** The CRI of one socket, as far as the quickstart needs it. */
export type CriClient = { [N in keyof Runtime]: Call<Runtime[N]> } & { [N in keyof Images]: Call<Images[N]> } & {
  close(): void;
};

/** Milliseconds for one call: making a sandbox may pull an image. */
const callTimeout = 120_000;

/** Speaks CRI v1 to a Unix socket. */
export function connectCri(socket: string): CriClient {
  const link = linkRuntime(socket);
  const call = async (
    method: DescMethodUnary,
    request: MessageInitShape<DescMethodUnary['input']>,
  ): Promise<unknown> => {
    const message = frameMessage(toBinary(method.input, create(method.input, request)));
    const stream = link.request(
      {
        ':method': 'POST',
        ':path': `/${method.parent.typeName}/${method.name}`,
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': `${callTimeout}m`,
      },
      false,
    );
    const status: { code?: string; message?: string } = {};
    const note = (headers: Record<string, unknown>): void => {
      if (headers['grpc-status'] !== undefined) status.code = String(headers['grpc-status']);
      if (headers['grpc-message'] !== undefined) status.message = decodeURIComponent(String(headers['grpc-message']));
    };
    stream.on('response', note).on('trailers', note);
    stream.end(message);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch (cause) {
      throw new FairleadError('Unavailable', `${method.name}: no answer from ${socket}`, {
        cause,
        hint: 'Check that a container runtime runs there; containerd is at /run/containerd/containerd.sock as a rule.',
      });
    }
    if (status.code !== '0') {
      throw new FairleadError(
        'Unavailable',
        `${method.name}: ${status.message ?? `gRPC status ${status.code ?? 'missing'}`}`,
      );
    }
    return fromBinary(method.output, await readMessage(chunksOf(chunks)));
  };
  const calls = [...RuntimeService.methods, ...ImageService.methods].map((method) => [
    method.localName,
    (request: MessageInitShape<DescMethodUnary['input']>) => call(method as DescMethodUnary, request),
  ]);
  return { ...Object.fromEntries(calls), close: () => link.close() };
}

async function* chunksOf(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}
