import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { peer } from './peer.ts';
import { finishFolder, freePort, startProgram, temporaryFolder } from './program.ts';

/** How docker-registry behaves: by default anonymous, with deletes allowed, and empty. */
export interface RegistryOptions {
  /** The only user, by Basic authentication. */
  readonly user?: { readonly username: string; readonly password: string };
  /**
   * Bearer tokens: the server that gives them, their issuer and audience, and the PEM certificate
   * of the signer.
   */
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly certificate: string;
  };
  /**
   * TLS with this certificate; with `clients`, only for those whose certificate this authority (a
   * PEM file) made.
   */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string; readonly clients?: string };
  /** Content of an earlier registry (its `storage`), kept when this one stops. */
  readonly storage?: string;
  /** The port of 127.0.0.1 to listen on, by default a free one. */
  readonly port?: number;
}

/** A running docker-registry. */
export interface Registry {
  /** As references name it: `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
  /** The folder that holds the content. */
  readonly storage: string;
  readonly pid: number;
  /** What it printed, with one line for each request. */
  readonly log: string;
  stop(): Promise<void>;
}

/** Starts Debian's docker-registry (distribution 2.8, without the referrers API) on loopback. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const program = peer('docker-registry');
  const folder = temporaryFolder('registry');
  const port = options.port ?? (await freePort());
  const storage = options.storage ?? path.join(folder, 'storage');
  mkdirSync(storage, { recursive: true });
  const config = path.join(folder, 'config.json');
  writeFileSync(config, JSON.stringify(configuration(options, { port, storage, folder }), undefined, 2));
  const host = `127.0.0.1:${port}`;
  const started = await startProgram({
    name: 'docker-registry',
    command: program,
    args: ['serve', config],
    env: { OTEL_TRACES_EXPORTER: 'none' },
    folder,
    // 401 where it asks for credentials
    ready: async () =>
      options.tls === undefined ? [200, 401].includes((await fetch(`http://${host}/v2/`)).status) : listens(port),
  });
  return {
    host,
    port,
    storage,
    pid: started.pid,
    log: started.log,
    async stop() {
      await started.stop();
      finishFolder(folder);
    },
  };
}

/** The registry's configuration file; YAML, of which JSON is a part. */
function configuration(
  { user, token, tls }: RegistryOptions,
  { port, storage, folder }: { port: number; storage: string; folder: string },
): object {
  const auth: Record<string, object> = {};
  if (user !== undefined) {
    const file = path.join(folder, 'htpasswd');
    writeFileSync(file, `${user.username}:${bcrypt(user.password)}\n`);
    auth['htpasswd'] = { realm: 'fairlead-test', path: file };
  }
  if (token !== undefined) {
    const file = path.join(folder, 'token.crt');
    writeFileSync(file, token.certificate);
    auth['token'] = { realm: token.realm, service: token.service, issuer: token.issuer, rootcertbundle: file };
  }
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: storage },
      delete: { enabled: true },
      cache: { blobdescriptor: 'inmemory' },
    },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: 'fairlead-test',
      ...(tls === undefined ? {} : { tls: tlsConfiguration(tls) }),
    },
    ...(Object.keys(auth).length > 0 ? { auth } : {}),
  };
}

function tlsConfiguration({ certificateFile, keyFile, clients }: NonNullable<RegistryOptions['tls']>): object {
  return { certificate: certificateFile, key: keyFile, ...(clients === undefined ? {} : { clientcas: [clients] }) };
}

/** Says whether something takes connections on a port of 127.0.0.1. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * An htpasswd hash; the registry takes bcrypt only, which the C library has, and Perl (always on
 * Debian) hands out.
 */
function bcrypt(password: string): string {
  const salt = '$2y$05$abcdefghijklmnopqrstuu';
  return execFileSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, salt], { encoding: 'utf8' });
}
