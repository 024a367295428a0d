import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';

/**
 * How much one stream, and one connection, may send before the other side has to wait, in bytes:
 * image lists run to megabytes.
 */
export const streamWindow = 1024 * 1024;
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

/**
 * One client's way to the runtime: its own HTTP/2 connection, made when first needed and again
 * after it was lost.
 */
export interface RuntimeLink {
  /** Opens a stream; where the runtime is down the stream ends with an error. */
  request(headers: OutgoingHttpHeaders, endStream: boolean): ClientHttp2Stream;
  /** Lets open streams end and closes the connection. */
  close(): void;
  /** Cuts the connection and all of its streams. */
  destroy(): void;
}

/** Notified of the connections of a link. */
export interface LinkWatcher {
  readonly connected: () => void;
  /** Called once for each connection that ended, also for those that were never established. */
  readonly lost: () => void;
}

/**
 * A link to the runtime's Unix socket. Each client connection gets its own, so that a client that
 * does not read what it asked for holds up nobody else's flow-control window, just as without the
 * proxy.
 */
export function linkRuntime(socketPath: string, watcher?: LinkWatcher): RuntimeLink {
  let current: ClientHttp2Session | undefined;
  const sessions = new Set<ClientHttp2Session>();

  function open(): ClientHttp2Session {
    if (current !== undefined && !current.closed && !current.destroyed) return current;
    const session = connect('http://localhost', {
      ...sessionOptions,
      createConnection: () => connectSocket(socketPath),
    });
    current = session;
    sessions.add(session);
    const retire = (): void => {
      if (current !== session) return;
      current = undefined;
      watcher?.lost();
    };
    // Also a session that was destroyed in the meantime says that it is connected.
    session.once('connect', () => {
      if (session.destroyed) return;
      session.setLocalWindowSize(connectionWindow);
      if (current === session) watcher?.connected();
    });
    session.on('goaway', retire);
    // Every stream of the session reports the same error by itself; an unheard 'error' would end
    // the process.
    session.on('error', retire);
    session.on('close', () => {
      retire();
      sessions.delete(session);
    });
    return session;
  }

  return {
    request: (headers, endStream) => open().request(headers, { endStream }),
    close() {
      for (const session of sessions) session.close();
    },
    destroy() {
      for (const session of sessions) session.destroy();
    },
  };
}
