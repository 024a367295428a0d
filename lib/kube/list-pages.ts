import * as v from 'valibot';
import { FairBudget } from '#lib/concurrency/fair-budget';
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

/** Larger pages are read and parsed one at a time: each may take a hundred megabytes of memory. */
const smallBytes = 1024 * 1024;
const mostBytes = 16 * 1024 * 1024;
const large = new FairBudget({ total: 1, share: 1 });

/**
 * Returns a list page by page, as it is in etcd now, not in a cache of the API server. Objects may
 * have a megabyte each: a page that is too large for one answer is asked for again with fewer
 * objects. Throws what {@link ApiServer.get} throws; if the list takes so long that its version is
 * compacted away, that is an error for which `isExpired` is true.
 */
export async function* listPages(api: ApiServer, resource: Resource, options: ListOptions = {}): AsyncGenerator<Page> {
  const title = `list ${resource.plural}`;
  let limit = options.pageSize ?? defaultPageSize;
  for (let token: string | undefined = ''; token !== undefined; ) {
    const path = collectionPath(resource, options.namespace) + selectionQuery(options, pageQuery(limit, token));
    const turn = new Turn(title);
    try {
      const size = { max: mostBytes, small: smallBytes, turn: () => turn.begin() };
      const json = await api.get({ path, title, signal: options.signal, size });
      const { metadata, items } = parseList(json, title);
      yield { items, resourceVersion: metadata.resourceVersion };
      token = metadata.continue === '' ? undefined : metadata.continue;
    } catch (thrown) {
      if (!(thrown instanceof FairleadError && thrown.kind === 'LimitExceeded') || limit === 1) throw thrown;
      limit = Math.ceil(limit / 4);
    } finally {
      turn.end();
    }
  }
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

/** The turn of one page, if it is large. */
class Turn {
  readonly #owner: string;
  readonly #ended = new AbortController();
  #giveBack: (() => void) | undefined;

  constructor(owner: string) {
    this.#owner = owner;
  }

  /** Resolves when no other large page is read. Rejects if the turn ends before. */
  async begin(): Promise<void> {
    if (this.#giveBack !== undefined) return;
    const giveBack = await large.acquire(this.#owner, 1, this.#ended.signal);
    if (this.#ended.signal.aborted) giveBack();
    else this.#giveBack = giveBack;
  }

  end(): void {
    this.#ended.abort();
    this.#giveBack?.();
  }
}
