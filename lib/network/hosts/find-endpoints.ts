import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import type { Endpoint } from './endpoint.ts';
import { readHostsToml, readPem } from './hosts-toml.ts';
import type { Tls } from './tls.ts';

/**
 * The hosts that serve a registry, the first to be asked first, as folders in the layout of
 * containerd's and Docker's `certs.d` say: `<folder>/<host:port>/hosts.toml`, or `*.crt`
 * (authorities) and `*.cert` with `*.key` (client certificates) there; `_default` stands for every
 * registry that has no folder of its own; a folder may have any of the registry's
 * `names`. The first
 * folder that has something decides. `upstream` is the registry's own origin; where a folder is
 * about certificates it is spoken to in TLS, on this machine too. Rejects with InvalidInput, naming
 * the file at fault.
 */
export async function findEndpoints(
  folders: readonly string[],
  names: readonly string[],
  upstream: URL,
): Promise<Endpoint[]> {
  for (const folder of folders) {
    for (const name of names.flatMap((each) => [each, each.replace(/:([0-9]+)$/, '_$1_')]).concat('_default')) {
      const found = await readFolder(join(folder, name), upstream);
      if (found !== undefined) return found;
    }
  }
  return [plainEndpoint(upstream)];
}

/** A registry without any configuration. */
export function plainEndpoint(upstream: URL, tls?: Tls): Endpoint {
  return {
    api: new URL('/v2/', upstream),
    capabilities: ['pull', 'resolve', 'push'],
    headers: {},
    mirror: false,
    tls,
  };
}

async function readFolder(folder: string, upstream: URL): Promise<Endpoint[] | undefined> {
  const names = await list(folder);
  if (names.includes('hosts.toml')) {
    const file = join(folder, 'hosts.toml');
    return readHostsToml(await readFile(file, 'utf8'), file, upstream);
  }
  const authorities = names.filter((name) => name.endsWith('.crt'));
  const certificates = names.filter((name) => name.endsWith('.cert'));
  if (authorities.length + certificates.length === 0) return undefined;
  const keyOf = (name: string): string => join(folder, name.replace(/\.cert$/, '.key'));
  const identities = certificates.map(async (name) => ({
    certificate: await readPem(join(folder, name)),
    key: await readPem(keyOf(name)),
  }));
  const tls = {
    authorities: await Promise.all(authorities.map((name) => readPem(join(folder, name)))),
    identities: await Promise.all(identities),
    skipVerify: false,
  };
  const secure = new URL(upstream);
  secure.protocol = 'https:';
  return [plainEndpoint(secure, tls)];
}

async function list(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new FairleadError('InvalidInput', `${folder}: cannot be read: ${String(code)}`, { cause });
  }
}
