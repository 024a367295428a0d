import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A TUF repository on a loopback port. */
export interface TufServer {
  readonly url: string;
  /** The root metadata that a client trusts first. */
  readonly root: Buffer;
  /** The requested paths, in order. */
  readonly requests: readonly string[];
  /** Replaces the targets. */
  publish(targets: Readonly<Record<string, string>>): void;
  /** Publishes a root with a new key, signed with both keys, and all other metadata again. */
  rotate(): void;
  /** Answers requests for the path with this status and content from now on. */
  answer(path: string, status: number, content?: Buffer | string): void;
  stop(): Promise<void>;
}

/**
 * Serves these targets. All roles are signed with one new key
 * (theupdateframework.github.io/specification, 4).
 */
export async function startTufRepository(targets: Readonly<Record<string, string>>): Promise<TufServer> {
  const expires = new Date(Date.now() + 30 * 86_400_000).toISOString().replace(/\.\d+/, '');
  const roots: Buffer[] = [];
  let key = newKey();
  let version = 0;
  let published = targets;
  let files: Record<string, Buffer> = {};
  const answers = new Map<string, { readonly status: number; readonly content: Buffer | string }>();

  function metadata(type: string, content: object, keys = [key], at = version): Buffer {
    const signed = { _type: type, spec_version: '1.0.31', version: at, expires, ...content };
    const signatures = keys.map(({ keyid, privateKey }) => ({
      keyid,
      sig: sign(null, Buffer.from(canonical(signed)), privateKey).toString('hex'),
    }));
    return Buffer.from(JSON.stringify({ signed, signatures }));
  }

  function addRoot(keys = [key]): void {
    const { keyid, keyval } = key;
    const role = { keyids: [keyid], threshold: 1 };
    const content = {
      consistent_snapshot: false,
      keys: { [keyid]: { keytype: 'ed25519', scheme: 'ed25519', keyval } },
      roles: { root: role, timestamp: role, snapshot: role, targets: role },
    };
    roots.push(metadata('root', content, keys, roots.length + 1));
  }

  function publish(replaced: Readonly<Record<string, string>>): void {
    published = replaced;
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

  function rotate(): void {
    const before = key;
    key = newKey();
    addRoot([before, key]);
    publish(published);
  }

  addRoot();
  publish(targets);

  const requests: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    requests.push(url);
    const [, rootVersion] = /^\/(\d+)\.root\.json$/.exec(url) ?? [];
    const file = rootVersion === undefined ? files[url] : roots[Number(rootVersion) - 1];
    const found = file === undefined ? { status: 404, content: 'not found' } : { status: 200, content: file };
    const { status, content } = answers.get(url) ?? found;
    response.writeHead(status).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    root: roots[0] ?? Buffer.of(),
    requests,
    publish,
    rotate,
    answer: (path, status, content = '') => void answers.set(path, { status, content }),
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function newKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const keyid = createHash('sha256').update(der).digest('hex');
  return { keyid, keyval: { public: der.subarray(-32).toString('hex') }, privateKey };
}

/** Returns JSON with sorted members, for signing. Sufficient for the metadata above. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}
