import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { CriClient } from '#lib/cri/client';
import { errorMapping, FairleadError, toFairleadError } from '#lib/errors';
import type { ArtifactSource } from '../apply/artifact-source.ts';
import type { Tidier } from '../housekeeping/tidy.ts';
import { listenOnSocket } from '../proxy/socket.ts';
import type { Recent } from '../report/recent.ts';
import type { ShimLog } from '../report/shim-log.ts';
import { explainPod } from './explain-pod.ts';
import { type NodeStatusDependencies, nodeProfiles, nodeStatus } from './node-status.ts';
import { pullForNode, type WantedArtifact } from './pull-for-node.ts';

/** The dependencies of the server for administrators. */
export interface AdminDependencies extends NodeStatusDependencies {
  readonly runtime: Pick<CriClient, 'listContainers' | 'listPodSandbox' | 'containerStatus'>;
  readonly source: Pick<ArtifactSource, 'pull'>;
  readonly tidier: Pick<Tidier, 'collect'>;
  readonly recent: Recent;
  readonly log: Pick<ShimLog, 'info'>;
}

/** How long an answer may take, in milliseconds. */
const longestAnswer = 120_000;
/** Bytes of a request body: a reference and a kind. */
const mostBody = 16 * 1024;

/**
 * Serves administrators on a Unix socket that only this user can open: HTTP with JSON. Returns a
 * function that stops it. Throws as listenOnSocket does.
 */
export async function serveAdmin(path: string, dependencies: AdminDependencies): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const server = createServer((request, response) => void answer(request, response, dependencies, stopping.signal));
  const unlink = await listenOnSocket(server, path);
  return async () => {
    await unlink();
    stopping.abort();
    await close(server);
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  dependencies: AdminDependencies,
  stopping: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const signal = AbortSignal.any([stopping, gone.signal, AbortSignal.timeout(longestAnswer)]);
  try {
    send(response, 200, await answerTo(request, dependencies, signal));
  } catch (thrown) {
    const { kind, message: detail, hint } = toFairleadError(thrown);
    send(response, errorMapping[kind].http, { kind, detail, ...(hint === undefined ? {} : { hint }) });
  }
}

async function answerTo(
  request: IncomingMessage,
  dependencies: AdminDependencies,
  signal: AbortSignal,
): Promise<object> {
  const call = `${request.method} ${request.url}`;
  switch (call) {
    case 'GET /v1/status':
      return nodeStatus(dependencies);
    case 'GET /v1/profiles':
      return nodeProfiles(dependencies);
    case 'POST /v1/gc': {
      const collected = await dependencies.tidier.collect(signal);
      const { artifacts, effective, appArmor } = collected;
      const counts = { artifacts: artifacts.length, effective: effective.length, appArmor: appArmor.length };
      dependencies.log.info({ messageId: 'fairlead.gc.done', ...counts }, 'removed what is unused');
      return collected;
    }
    case 'POST /v1/pull':
      return pullForNode(await readWanted(request), dependencies.source, signal);
  }
  const pod = podIn(call);
  if (pod !== undefined) return explainPod(pod, dependencies, signal);
  throw new FairleadError('NotFound', `the shim does not serve ${call}`, {
    hint: 'The command and the shim may be of different versions: fairlead version, fairlead node status.',
  });
}

/** Returns `namespace/name` of the pod that a call asks about; undefined for any other call. */
function podIn(call: string): string | undefined {
  const encoded = /^GET \/v1\/pods\/([^/?#]+\/[^/?#]+)$/.exec(call)?.[1];
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined; // It is not encoded as a URL.
  }
}

async function readWanted(request: IncomingMessage): Promise<WantedArtifact> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > mostBody) throw new FairleadError('LimitExceeded', `more than ${mostBody} bytes`);
    pieces.push(piece);
  }
  const { reference, kind } = parse(Buffer.concat(pieces).toString());
  if (typeof reference === 'string' && typeof kind === 'string') return { reference, kind };
  throw new FairleadError('InvalidInput', 'want {"reference": "…", "kind": "…"}');
}

function parse(text: string): { readonly reference?: unknown; readonly kind?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch (cause) {
    throw new FairleadError('InvalidInput', 'the request is not JSON', { cause });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  if (!response.destroyed) response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
