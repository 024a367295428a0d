import { FairleadError } from '#lib/errors';
import { frameMessage, readMessage } from './message.ts';
import { linkRuntime } from './runtime-link.ts';

/** Makes a unary call of the shim's own to the runtime: method's full name and request message in, response message out. */
export type CallRuntime = (method: string, request: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;

/** Calls the runtime on its Unix socket, one connection for each call. Rejects with Unavailable where it does not answer with success. */
export function runtimeCaller(socketPath: string): CallRuntime {
  return async (method, request, signal) => {
    const link = linkRuntime(socketPath);
    const stream = link.request(
      { ':method': 'POST', ':path': `/${method}`, 'content-type': 'application/grpc', te: 'trailers' },
      false,
    );
    const giveUp = (): void => link.destroy();
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      stream.end(frameMessage(request));
      return await readMessage(stream);
    } catch (cause) {
      throw new FairleadError('Unavailable', `the container runtime did not answer ${method}`, { cause });
    } finally {
      signal.removeEventListener('abort', giveUp);
      link.destroy();
    }
  };
}
