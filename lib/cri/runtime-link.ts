import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { FairleadError } from '#lib/errors';

/**
 * How much one stream, and one connection, may send before the other side has to wait, in bytes:
 * image lists run to megabytes.
 */
export const streamWindow = 1024 * 1024;
/** The same for one connection. */
export const connectionWindow = 16 * 1024 * 1024;

/**
 * Settings and limits of both sides of the proxy: wide, since both ends are trusted local
 * processes.
 */
export const sessionOptions = {
  maxSessionMemory: 256,
  maxHeaderListPairs: 1024,
  maxSendHeaderBlockLength: 1024 * 1024,
  settings: { initialWindowSize: streamWindow, maxHeaderListSize: 1024 * 1024, enablePush: false },
};

/** Notified of the connections of a link. */
export interface LinkWatcher {
  readonly connected: () => void;
  /** Called once for each connection that ended, also for those that were never established. */
  readonly lost: () => void;
}

/**
 * One connection to the runtime. All requests on it reach the same process, since a process that
 * ends takes its connections with it.
 */
export interface RuntimeSession {
  /** Opens a stream. Throws Unavailable if the connection has ended. */
  request(headers: OutgoingHttpHeaders, endStream: boolean): ClientHttp2Stream;
}

/**
 * One client's way to the runtime's Unix socket: its own HTTP/2 connection, opened by the first
 * stream and again after it was lost. Each client connection gets its own, so that a client that
 * does not read its answers blocks no flow-control window of another client, as without the proxy.
 */
export class RuntimeLink implements RuntimeSession {
  readonly #socketPath: string;
  readonly #watcher: LinkWatcher | undefined;
  readonly #sessions = new Set<ClientHttp2Session>();
  #current: ClientHttp2Session | undefined;

  constructor(socketPath: string, watcher?: LinkWatcher) {
    this.#socketPath = socketPath;
    this.#watcher = watcher;
  }

  /** Opens a stream. If the runtime is down, the stream ends with an error. */
  request(headers: OutgoingHttpHeaders, endStream: boolean): ClientHttp2Stream {
    return this.#session().request(headers, { endStream });
  }

  /** Returns the connection that is open, or a new one. It is not replaced once it has ended. */
  pin(): RuntimeSession {
    const session = this.#session();
    return {
      request(headers, endStream) {
        if (session.closed || session.destroyed) throw lostConnection();
        return session.request(headers, { endStream });
      },
    };
  }

  /** Lets open streams end and closes the connections. */
  close(): void {
    for (const session of this.#sessions) session.close();
  }

  /** Cuts the connections and all of their streams. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #session(): ClientHttp2Session {
    const open = this.#current;
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const session = connect('http://localhost', {
      ...sessionOptions,
      createConnection: () => connectSocket(this.#socketPath),
    });
    this.#current = session;
    this.#sessions.add(session);
    // A session that was destroyed in the meantime reports that it is connected, too.
    session.once('connect', () => {
      if (session.destroyed) return;
      session.setLocalWindowSize(connectionWindow);
      if (this.#current === session) this.#watcher?.connected();
    });
    session.on('goaway', () => this.#retire(session));
    // Every stream of the session reports the same error. An 'error' without a listener would end
    // the process.
    session.on('error', () => this.#retire(session));
    session.on('close', () => {
      this.#retire(session);
      this.#sessions.delete(session);
    });
    return session;
  }

  #retire(session: ClientHttp2Session): void {
    if (this.#current !== session) return;
    this.#current = undefined;
    this.#watcher?.lost();
  }
}

function lostConnection(): FairleadError {
  return new FairleadError('Unavailable', 'the container runtime closed the connection during the call', {
    hint: 'The runtime may have restarted. The kubelet retries by itself.',
    local: true,
  });
}
