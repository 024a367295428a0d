import type { ServerHttp2Stream } from 'node:http2';
import { endWithStatus, grpcCodes } from '../../lib/cri/grpc-status.ts';

/** The calls that are being answered. */
export class OpenCalls {
  readonly #methods = new Map<ServerHttp2Stream, string>();
  #whenNone: (() => void) | undefined;

  /** Adds a call, until its stream closes. */
  add(stream: ServerHttp2Stream, method: string): void {
    this.#methods.set(stream, method);
    stream.once('close', () => {
      this.#methods.delete(stream);
      if (this.#methods.size === 0) this.#whenNone?.();
    });
  }

  /** Ends the calls of some methods with UNAVAILABLE, so that their clients call again. */
  end(methods: ReadonlySet<string>): void {
    for (const [stream, method] of this.#methods) {
      if (methods.has(method)) endWithStatus(stream, grpcCodes.unavailable, 'the shim stops');
    }
  }

  /** Resolves when no call is left. */
  none(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenNone = resolve;
      if (this.#methods.size === 0) resolve();
    });
  }
}
