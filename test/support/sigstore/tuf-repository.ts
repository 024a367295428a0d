import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A TUF repository on a loopback port. */
export interface TufServer {
  readonly url: string;
  /** Its root metadata: what a client trusts first. */
  readonly root: Buffer;
  /** The paths that were asked for, in order. */
  readonly requests: readonly string[];
  /** Puts other targets in the place of those that are there. */
  publish(targets: Readonly<Record<string, string>>): void;
  stop(): Promise<void>;
}

/**
 * Serves these targets, all roles signed with one new key
 * (theupdateframework.github.io/specification, 4).
 */
export async function startTufRepository(targets: Readonly<Record<string, string>>): Promise<TufServer> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const keyid = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  const keyval = { public: publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex') };
  const expires = new Date(Date.now() + 30 * 86_400_000).toISOString().replace(/\.\d+/, '');

  let version = 0;

  function metadata(type: string, content: object): Buffer {
    const signed = { _type: type, spec_version: '1.0.31', version: Math.max(version, 1), expires, ...content };
    const sig = sign(null, Buffer.from(canonical(signed)), privateKey).toString('hex');
    return Buffer.from(JSON.stringify({ signed, signatures: [{ keyid, sig }] }));
  }

  const role = { keyids: [keyid], threshold: 1 };
  const root = metadata('root', {
    consistent_snapshot: false,
    keys: { [keyid]: { keytype: 'ed25519', scheme: 'ed25519', keyval } },
    roles: { root: role, timestamp: role, snapshot: role, targets: role },
  });
  let files: Record<string, Buffer> = {};

  function publish(published: Readonly<Record<string, string>>): void {
    version++;
    const described = Object.entries(published).map(([name, content]) => {
      const sha256 = createHash('sha256').update(content).digest('hex');
      return [name, { length: Buffer.byteLength(content), hashes: { sha256 } }];
    });
    files = {
      '/timestamp.json': metadata('timestamp', { meta: { 'snapshot.json': { version } } }),
      '/snapshot.json': metadata('snapshot', { meta: { 'targets.json': { version } } }),
      '/targets.json': metadata('targets', { targets: Object.fromEntries(described) }),
    };
    for (const [name, content] of Object.entries(published)) files[`/targets/${name}`] = Buffer.from(content);
  }
  publish(targets);

  const requests: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    requests.push(url);
    const file = files[url];
    response.writeHead(file === undefined ? 404 : 200).end(file ?? 'not found');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    root,
    requests,
    publish,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** JSON whose members are sorted: what is signed. Good for what stands in the metadata above. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}
