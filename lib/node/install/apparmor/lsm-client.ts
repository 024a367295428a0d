import { Agent, type IncomingMessage, request } from 'node:http';
import { type ErrorKind, errorMapping, FairleadError } from '#lib/errors';
import type { AppArmorLoader, RenderedAppArmor } from './loader.ts';
import { lsmSocket, profilePath, profilesPath } from './lsm-protocol.ts';

interface Call {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly text?: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Calls at a time. The service does one after another. */
const mostCalls = 8;
/** Milliseconds for a call. The service gives up after 60 s. */
const longestCall = 65_000;
/** Most bytes of an answer: the names of 50,000 profiles. */
const mostAnswer = 4 * 1024 * 1024;

/**
 * The loader for processes without privilege: asks fairlead-lsm.service, over its Unix socket.
 */
export class LsmClient implements AppArmorLoader {
  readonly #socket: string;
  readonly #agent = new Agent({ maxSockets: mostCalls });

  constructor(socket = lsmSocket) {
    this.#socket = socket;
  }

  async load({ name, text }: RenderedAppArmor, signal: AbortSignal): Promise<void> {
    await this.#call({ method: 'PUT', path: profilePath(name), text }, signal);
  }

  async unload(name: string, signal: AbortSignal): Promise<void> {
    await this.#call({ method: 'DELETE', path: profilePath(name) }, signal);
  }

  async list(signal: AbortSignal): Promise<readonly string[]> {
    const text = await this.#call({ method: 'GET', path: profilesPath }, signal);
    const answer: unknown = readJson(text);
    const profiles =
      typeof answer === 'object' && answer !== null && 'profiles' in answer ? answer.profiles : undefined;
    if (Array.isArray(profiles) && profiles.every((name) => typeof name === 'string')) return profiles;
    throw this.#unavailable('has not answered with a list of profiles');
  }

  async #call(call: Call, signal: AbortSignal): Promise<string> {
    const late = AbortSignal.timeout(longestCall);
    try {
      const { status, text } = await this.#send(call, AbortSignal.any([signal, late]));
      if (status < 300) return text;
      throw this.#refusal(status, text);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (late.aborted) throw this.#unavailable(`has not answered within ${longestCall / 1000} s`, error);
      if (error instanceof FairleadError) throw error;
      throw this.#unreachable(error);
    }
  }

  #send({ method, path, text }: Call, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = text === undefined ? {} : { 'content-type': 'text/plain' };
      const options = { socketPath: this.#socket, agent: this.#agent, method, path, headers, signal };
      const sent = request(options, (response) => {
        readAnswer(response).then(
          (answer) => resolve({ status: response.statusCode ?? 0, text: answer }),
          (error: unknown) => {
            sent.destroy();
            reject(error);
          },
        );
      });
      sent.once('error', reject);
      sent.end(text);
    });
  }

  /** Returns the error of an answer, which is problem details (RFC 9457). */
  #refusal(status: number, text: string): FairleadError {
    const problem: unknown = readJson(text);
    const member = (name: string): string | undefined => {
      const value: unknown = typeof problem === 'object' && problem !== null ? Reflect.get(problem, name) : undefined;
      return typeof value === 'string' ? value : undefined;
    };
    const kind = member('kind');
    const detail = member('detail');
    if (detail === undefined || kind === undefined || !isErrorKind(kind) || kind === 'Internal')
      return this.#unavailable(`has failed (HTTP status ${status})`);
    const hint = member('hint');
    return new FairleadError(kind, detail, { ...(hint !== undefined && { hint }), local: true });
  }

  #unavailable(what: string, cause?: unknown): FairleadError {
    return new FairleadError('Unavailable', `the loader of AppArmor profiles at ${this.#socket} ${what}`, {
      cause,
      hint: 'See its log: journalctl -u fairlead-lsm.service',
      local: true,
    });
  }

  #unreachable(cause: unknown): FairleadError {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no code';
    if (code === 'ENOENT' || code === 'ECONNREFUSED') {
      return new FairleadError('Unavailable', `no loader of AppArmor profiles listens on ${this.#socket}`, {
        cause,
        hint: 'Start it: systemctl enable --now fairlead-lsm.socket',
        local: true,
      });
    }
    return this.#unavailable(`cannot be reached: ${code}`, cause);
  }
}

async function readAnswer(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > mostAnswer)
      throw new FairleadError(
        'LimitExceeded',
        `the loader of AppArmor profiles answered with more than ${mostAnswer} bytes`,
      );
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isErrorKind(kind: string): kind is ErrorKind {
  return Object.hasOwn(errorMapping, kind);
}
