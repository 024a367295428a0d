import { type IncomingMessage, request } from 'node:http';
import { Option } from 'commander';
import { nodeDefaults } from '#cri-shim/node-defaults';
import { type ErrorKind, errorMapping, FairleadError } from '#lib/errors';

/** The option that names the socket of the shim. */
export interface AdminOptions {
  readonly socket: string;
}

/** Returns the option that names the socket of the shim. */
export function adminOption(): Option {
  return new Option('--socket <socket>', 'socket for administrators of the shim (`fairlead shim --admin`)').default(
    nodeDefaults.admin,
  );
}

/** What the exit codes of commands that ask the shim mean. */
export const adminErrors = {
  InvalidInput: 'invalid request',
  NotAllowed: 'not root, or not allowed by the policy',
  NotFound: 'no such pod or artifact',
  Unavailable: 'the shim, the runtime or a registry does not answer',
} as const;

/** How long an answer may take, in milliseconds. The shim gives up before. */
const patience = 130_000;

/**
 * Asks the shim of this node on its socket for administrators. Throws the error of the shim;
 * NotAllowed if this user cannot open the socket, and Unavailable if no shim listens.
 */
export async function askShim<Answer>(
  { socket }: AdminOptions,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<Answer> {
  const socketPath = socket.replace(/^unix:\/\//, '');
  const { status, text } = await send(socketPath, method, path, body).catch((cause: unknown) => {
    throw unreachable(socket, cause);
  });
  const answer: unknown = parse(text);
  if (status === 200 && answer !== undefined) return answer as Answer;
  throw refusal(socket, status, answer);
}

function send(
  socketPath: string,
  method: string,
  path: string,
  body: object | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patience);
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const sent = request({ socketPath, method, path, headers, signal }, (response) => {
      read(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(socket: string, status: number, answer: unknown): FairleadError {
  const member = (name: string): string | undefined => {
    const value: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  const kind = member('kind') ?? '';
  const detail = member('detail') ?? `the shim at ${socket} answered with HTTP status ${status}`;
  const hint = member('hint') ?? 'The log of the shim has more about it: journalctl -u fairlead-shim';
  const isKind = Object.hasOwn(errorMapping, kind);
  return new FairleadError(isKind ? (kind as ErrorKind) : 'Unavailable', detail, { hint });
}

function unreachable(socket: string, cause: unknown): FairleadError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EACCES') {
    return new FairleadError('NotAllowed', `this user cannot open ${socket}`, {
      cause,
      hint: 'Run the command as the user of the shim, which normally is root.',
    });
  }
  return new FairleadError('Unavailable', `no shim answers on ${socket}`, {
    cause,
    hint: 'Start it with --admin, or specify its socket with --socket. To find out what is wrong: fairlead node doctor',
  });
}
