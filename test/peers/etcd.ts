import path from 'node:path';
import { peer } from './peer.ts';
import { freePort, type Program, startProgram } from './program.ts';

/** A running etcd; its address is `url`. */
export interface Etcd extends Program {
  readonly url: string;
}

/**
 * Starts a single etcd with its data and log in `folder`. It does not wait for the disk: its data
 * is not needed later.
 */
export async function startEtcd(folder: string): Promise<Etcd> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const peerUrl = `http://127.0.0.1:${await freePort()}`;
  const args = {
    'data-dir': path.join(folder, 'etcd'),
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
    'log-level': 'warn',
  };
  const program = await startProgram({
    name: 'etcd',
    command: peer('etcd'),
    args: ['--unsafe-no-fsync', ...Object.entries(args).map(([name, value]) => `--${name}=${value}`)],
    folder,
    ready: async () => (await fetch(`${url}/health`)).status === 200,
  });
  return { ...program, url };
}
