import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { parseAnswer } from './answer.ts';
import { apiErrorOfEvent } from './api-error.ts';
import type { ApiServer } from './api-server.ts';
import { type Selection, selectionQuery } from './list-pages.ts';
import { collectionPath, type Resource } from './resource.ts';

export interface WatchOptions extends Selection {
  /** The version after which changes are reported. */
  readonly resourceVersion: string;
  /** Seconds after which the API server ends the watch. */
  readonly timeoutSeconds: number;
  /** Called when the API server has begun to send changes. */
  readonly onOpen?: () => void;
}

/** A change of an object, or with BOOKMARK of the version only. */
export interface WatchEvent {
  readonly type: (typeof eventTypes)[number];
  readonly object: unknown;
}

/** Seconds that the API server may be late with the end of a watch. */
const graceSeconds = 5;

const eventTypes = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'] as const;
const eventSchema = v.object({ type: v.picklist([...eventTypes, 'ERROR']), object: v.unknown() });

/**
 * Calls `onEvent` for each change of a collection, until the API server ends the watch. A
 * connection may be lost without a sign of it: a watch that has not ended a little after its time
 * throws Unavailable. Throws what {@link ApiServer.watch} and `onEvent` throw; if the version is
 * no longer known, that is an error for which `isExpired` is true.
 */
export async function watchObjects(
  api: ApiServer,
  resource: Resource,
  options: WatchOptions,
  onEvent: (event: WatchEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const { resourceVersion, timeoutSeconds, onOpen } = options;
  const title = `watch ${resource.plural}`;
  const query = selectionQuery(options, {
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(timeoutSeconds),
    resourceVersion,
  });
  const path = collectionPath(resource, options.namespace) + query;
  const overdue = AbortSignal.timeout((timeoutSeconds + graceSeconds) * 1000);
  const take = (line: string): void => {
    const { type, object } = parseEvent(line, title);
    if (type === 'ERROR') throw apiErrorOfEvent(object);
    onEvent({ type, object });
  };
  try {
    const request = { path, title, ...(onOpen === undefined ? {} : { onOpen }) };
    await api.watch(request, take, AbortSignal.any([signal, overdue]));
  } catch (thrown) {
    if (signal.aborted || !overdue.aborted) throw thrown;
    const late = `the API server has not ended it after ${timeoutSeconds + graceSeconds} s; its connection may be lost`;
    throw new FairleadError('Unavailable', `cannot ${title}: ${late}`, { cause: thrown });
  }
}

function parseEvent(line: string, title: string): v.InferOutput<typeof eventSchema> {
  const parsed = v.safeParse(eventSchema, parseAnswer(line, title));
  if (parsed.success) return parsed.output;
  throw new FairleadError('Unavailable', `cannot ${title}: the answer has an unknown event`);
}
