import { tracingChannel } from 'node:diagnostics_channel';

/** Work of which telemetry makes a span. */
export interface TracedWork {
  /** One of few names: no text of a caller. */
  readonly name: string;
  /** `client` for a request to another program. */
  readonly kind: 'client' | 'internal';
  /** By OpenTelemetry's semantic conventions. Never a credential, and no content of a profile. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** Work that runs. */
export interface RunningWork extends TracedWork {
  /** Adds what is known at the end. */
  readonly attributes: Record<string, string | number | boolean>;
}

/** Listeners receive RunningWork. */
export const tracedWork = tracingChannel<unknown, RunningWork>('fairlead.work');

/**
 * Does work, and reports it to the listeners of `tracedWork`. Without listeners, `describe` is not
 * called.
 *
 * @param work receives the object to which it may add attributes
 */
export function traced<T>(
  describe: () => TracedWork,
  work: (attributes: RunningWork['attributes']) => Promise<T>,
): Promise<T> {
  if (!tracedWork.hasSubscribers) return work({});
  const { name, kind, attributes } = describe();
  const running: RunningWork = { name, kind, attributes: { ...attributes } };
  return tracedWork.tracePromise(() => work(running.attributes), running) as Promise<T>;
}
