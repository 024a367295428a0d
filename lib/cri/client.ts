import {
  create,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { FairleadError } from '#lib/errors';
import { ImageService, RuntimeService } from './gen/cri_pb.js';
import type { CallRuntime } from './runtime-call.ts';

type Call<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, signal: AbortSignal) => Promise<MessageShape<O>>
    : never;

type Calls<S extends DescService> = {
  readonly [N in keyof S['method'] as S['method'][N] extends DescMethodUnary ? N : never]: Call<S['method'][N]>;
};

/** The unary calls of both services of CRI v1, named as in the proto with a small first letter. */
export type CriClient = Calls<typeof RuntimeService> & Calls<typeof ImageService>;

/**
 * Returns a client that encodes requests and decodes responses. A call rejects as `call` does, and
 * with Unavailable for a response that cannot be decoded.
 */
export function criClient(call: CallRuntime): CriClient {
  const unary = [...RuntimeService.methods, ...ImageService.methods].filter(
    (method): method is DescMethodUnary => method.methodKind === 'unary',
  );
  const calls = unary.map((method) => [
    method.localName,
    (request: MessageInitShape<DescMethodUnary['input']>, signal: AbortSignal) =>
      callMethod(call, method, request, signal),
  ]);
  return Object.fromEntries(calls) as CriClient;
}

async function callMethod(
  call: CallRuntime,
  { parent, name, input, output }: DescMethodUnary,
  request: MessageInitShape<DescMethodUnary['input']>,
  signal: AbortSignal,
): Promise<MessageShape<DescMethodUnary['output']>> {
  const fullName = `${parent.typeName}/${name}`;
  const response = await call(fullName, toBinary(input, create(input, request)), signal);
  try {
    return fromBinary(output, response);
  } catch (cause) {
    throw new FairleadError('Unavailable', `the container runtime answered ${fullName} with an invalid message`, {
      cause,
      local: true,
    });
  }
}
