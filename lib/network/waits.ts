import { channel } from 'node:diagnostics_channel';

/** A request that has waited for a while. */
export interface Wait {
  /** `host:port` */
  readonly host: string;
  /** Milliseconds that it has waited. */
  readonly waited: number;
  /** Milliseconds after which it fails. */
  readonly limit: number;
}

const waits = channel('fairlead.wait');

/** Milliseconds after which a wait is reported: longer than registries usually take. */
const patience = 10_000;

/** A watched wait for an answer. */
export interface WatchedWait {
  /** Begins to wait again, since something was sent. */
  restart(): void;
  end(): void;
}

/** Watches a wait for an answer from `host`, and reports it to the listeners of onWait. */
export function watchWait(host: string, limit: number): WatchedWait | undefined {
  if (!waits.hasSubscribers || limit <= patience) return undefined;
  const timer = setTimeout(() => waits.publish({ host, waited: patience, limit } satisfies Wait), patience).unref();
  return { restart: () => void timer.refresh(), end: () => clearTimeout(timer) };
}

/** Calls a function with each long wait from now on, for as long as the process runs. */
export function onWait(listener: (wait: Wait) => void): void {
  waits.subscribe((wait) => listener(wait as Wait));
}
