import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { readBody } from '../../network/read-body.ts';
import { nameRequest } from '../../network/request-error.ts';
import { type ApiRequest, type ApiResponse, type RegistryClient, resolveLocation } from './api.ts';

/** Most pages of a list, and most bytes of one page. */
const pagesLimit = 10_000;
const pageBytesLimit = 4 * 1024 * 1024;

/**
 * Reads a list in pages (distribution-spec, "Listing Tags"), each an object with a list of names
 * under `key`. Pages are requested as they are needed. Rejects with LimitExceeded after 10,000
 * pages.
 */
export async function* listPages(
  client: RegistryClient,
  first: Pick<ApiRequest, 'to' | 'scopes' | 'signal'>,
  key: 'tags' | 'repositories',
): AsyncGenerator<string, void, undefined> {
  let to: string | URL = first.to;
  for (let pages = 1; ; pages++) {
    const response = await client.send({ ...first, to, method: 'GET', expect: [200] });
    const name = nameRequest({ method: 'GET', url: response.url });
    if (pages > pagesLimit) throw new FairleadError('LimitExceeded', `${name}: more than ${pagesLimit} pages`);
    yield* readNames(await readBody(response, { method: 'GET' }, pageBytesLimit), key, name);
    const next = nextPage(response);
    if (next === undefined) return;
    to = next;
  }
}

function readNames(bytes: Uint8Array, key: string, name: string): readonly string[] {
  // Registries return null for an empty list.
  const schema = v.object({ [key]: v.nullish(v.array(v.string()), []) });
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new FairleadError('Unavailable', `${name}: the answer is invalid JSON`, { cause });
  }
  const result = v.safeParse(schema, json);
  if (!result.success) throw new FairleadError('Unavailable', `${name}: the answer has no list of ${key}`);
  return result.output[key] ?? [];
}

/**
 * Returns the URL of the next page from a Link header (RFC 8288), which must be on the same host.
 */
export function nextPage(response: ApiResponse): URL | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(response.header('link') ?? '')?.[1];
  if (target === undefined) return undefined;
  const name = nameRequest({ method: 'GET', url: response.url });
  const url = resolveLocation(target, response.url, name);
  if (url.origin === response.url.origin) return url;
  throw new FairleadError('Unavailable', `${name}: the next page is on another host, ${url.host}`);
}
