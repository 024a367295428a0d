import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import type { Endpoint } from './endpoint.ts';
import { readHostsToml, readPem } from './hosts-toml.ts';
import type { Tls } from './tls.ts';

/**
 * Returns the hosts that serve a registry, in the order in which to ask them. They are configured
 * in directories in the layout of `certs.d` of containerd and Docker:
 * `<directory>/<host:port>/hosts.toml`, or `*.crt` (authorities) and `*.cert` with `*.key` (client
 * certificates) there; `_default` is for every registry without a directory of its own; a directory
 * may have any of the `names` of the registry. The first one found decides. `upstream` is the
 * origin of the registry; with certificates in its directory it is reached by TLS, also on this
 * machine. Rejects with InvalidInput that names the invalid file.
 */
export async function findEndpoints(
  directories: readonly string[],
  names: readonly string[],
  upstream: URL,
): Promise<Endpoint[]> {
  for (const directory of directories) {
    for (const name of names.flatMap((each) => [each, each.replace(/:([0-9]+)$/, '_$1_')]).concat('_default')) {
      const found = await readDirectory(join(directory, name), upstream);
      if (found !== undefined) return found;
    }
  }
  return [plainEndpoint(upstream)];
}

/** Returns the endpoint of a registry without configuration. */
export function plainEndpoint(upstream: URL, tls?: Tls): Endpoint {
  return {
    api: new URL('/v2/', upstream),
    capabilities: ['pull', 'resolve', 'push'],
    headers: {},
    mirror: false,
    tls,
  };
}

async function readDirectory(directory: string, upstream: URL): Promise<Endpoint[] | undefined> {
  const names = await list(directory);
  if (names.includes('hosts.toml')) {
    const file = join(directory, 'hosts.toml');
    return readHostsToml(await readFile(file, 'utf8'), file, upstream);
  }
  const authorities = names.filter((name) => name.endsWith('.crt'));
  const certificates = names.filter((name) => name.endsWith('.cert'));
  if (authorities.length + certificates.length === 0) return undefined;
  const keyOf = (name: string): string => join(directory, name.replace(/\.cert$/, '.key'));
  const identities = certificates.map(async (name) => ({
    certificate: await readPem(join(directory, name)),
    key: await readPem(keyOf(name)),
  }));
  const tls = {
    authorities: await Promise.all(authorities.map((name) => readPem(join(directory, name)))),
    identities: await Promise.all(identities),
    skipVerify: false,
  };
  const secure = new URL(upstream);
  secure.protocol = 'https:';
  return [plainEndpoint(secure, tls)];
}

async function list(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new FairleadError('InvalidInput', `${directory}: cannot be read: ${String(code)}`, { cause });
  }
}
