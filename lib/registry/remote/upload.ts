import { FairleadError } from '#lib/errors';
import { openContent } from '../content.ts';
import type { Descriptor } from '../descriptor.ts';
import type { CallOptions, Content } from '../target.ts';
import { type RegistryClient, resolveLocation } from './client.ts';
import { repositoryScope } from './scope.ts';
import { pause } from './transport.ts';

/** How often an upload is begun at most, where its connection breaks. */
const attempts = 4;

/**
 * Uploads a blob: POST for a session, then one PUT (distribution-spec, "POST then PUT"). An upload that breaks is begun again, since nobody
 * knows what the registry kept of it. Resolves when the registry has it.
 */
export async function uploadBlob(
  client: RegistryClient,
  repository: string,
  descriptor: Descriptor,
  content: Content,
  options: CallOptions,
): Promise<void> {
  const scopes = [repositoryScope(repository, 'pull,push')];
  const name = `${client.origin.host}/${repository}`;
  for (let attempt = 1; ; attempt++) {
    const session = await client.send({
      method: 'POST',
      to: `${repository}/blobs/uploads/`,
      scopes,
      expect: [202],
      headers: { 'content-length': '0' },
      signal: options.signal,
    });
    await session.discard();
    const url = uploadLocation(session.header('location'), session.url, name);
    url.searchParams.set('digest', descriptor.digest);
    try {
      const done = await client.send({
        method: 'PUT',
        to: url,
        scopes,
        expect: [201],
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(descriptor.size) },
        body: () => openContent(descriptor, content, name),
        signal: options.signal,
      });
      await done.discard();
      return;
    } catch (error) {
      if (!(error instanceof FairleadError) || error.kind !== 'Unavailable' || attempt >= attempts) throw error;
      await pause(200 * 2 ** attempt * (0.75 + Math.random() / 2), options.signal);
    }
  }
}

function uploadLocation(location: string | undefined, from: URL, name: string): URL {
  if (location === undefined)
    throw new FairleadError('Unavailable', `${name}: the registry began an upload and did not say where`);
  return resolveLocation(location, from, `POST ${from.origin}${from.pathname}`);
}
