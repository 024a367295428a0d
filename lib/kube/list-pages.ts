import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { parseAnswer } from './answer.ts';
import type { ApiServer } from './api-server.ts';
import { collectionPath, type Resource } from './resource.ts';

/** Which objects of a resource are meant. */
export interface Selection {
  /** All namespaces by default. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListOptions extends Selection {
  /** Most objects in one answer, 500 by default. */
  readonly pageSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A part of a list. All pages are of the same version of the collection. */
export interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
}

const defaultPageSize = 500;

const listSchema = v.object({
  metadata: v.object({ resourceVersion: v.string(), continue: v.optional(v.string(), '') }),
  // Go writes an empty list as null.
  items: v.nullable(v.array(v.unknown()), []),
});

/**
 * Returns a list page by page, as it is in etcd now, not in a cache of the API server. Objects may
 * have a megabyte each: a page that is too large for one answer is asked for again with fewer
 * objects. Throws what {@link ApiServer.get} throws; if the list takes so long that its version is
 * compacted away, that is an error for which `isExpired` is true.
 */
export async function* listPages(api: ApiServer, resource: Resource, options: ListOptions = {}): AsyncGenerator<Page> {
  const title = `list ${resource.plural}`;
  let limit = options.pageSize ?? defaultPageSize;
  let token = '';
  do {
    const path = collectionPath(resource, options.namespace) + selectionQuery(options, pageQuery(limit, token));
    let json: string;
    try {
      json = await api.get({ path, title, signal: options.signal });
    } catch (thrown) {
      if (!(thrown instanceof FairleadError && thrown.kind === 'LimitExceeded') || limit === 1) throw thrown;
      limit = Math.ceil(limit / 4);
      continue;
    }
    const { metadata, items } = parseList(json, title);
    yield { items, resourceVersion: metadata.resourceVersion };
    token = metadata.continue;
    if (token === '') return;
  } while (true);
}

/** Returns the query of a list or watch of a selection. */
export function selectionQuery(
  { labelSelector, fieldSelector }: Selection,
  more: Readonly<Record<string, string>>,
): string {
  const query = new URLSearchParams(more);
  if (labelSelector !== undefined) query.set('labelSelector', labelSelector);
  if (fieldSelector !== undefined) query.set('fieldSelector', fieldSelector);
  return `?${query}`;
}

function pageQuery(limit: number, token: string): Record<string, string> {
  return { limit: String(limit), ...(token === '' ? {} : { continue: token }) };
}

function parseList(json: string, title: string): v.InferOutput<typeof listSchema> {
  const parsed = v.safeParse(listSchema, parseAnswer(json, title));
  if (parsed.success) return parsed.output;
  throw new FairleadError('Unavailable', `cannot ${title}: the answer is not a list: ${v.summarize(parsed.issues)}`);
}
