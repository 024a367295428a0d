import type { FastifyRequest } from 'fastify';
import type { Authenticator } from './authenticator.ts';
import { anonymous, type Caller } from './caller.ts';

/** Who sent the requests that are being answered. */
export class RequestCallers {
  readonly #authenticator: Pick<Authenticator, 'authenticate'>;
  readonly #callers = new WeakMap<FastifyRequest, Caller>();

  constructor(authenticator: Pick<Authenticator, 'authenticate'>) {
    this.#authenticator = authenticator;
  }

  /** Finds out who sent a request, before its body is read. Throws as Authenticator. */
  async identify(request: FastifyRequest): Promise<Caller> {
    const caller = await this.#authenticator.authenticate(request.headers.authorization);
    this.#callers.set(request, caller);
    return caller;
  }

  /** Returns who sent a request; the anonymous caller unless it was identified. */
  of(request: FastifyRequest): Caller {
    return this.#callers.get(request) ?? anonymous;
  }
}
