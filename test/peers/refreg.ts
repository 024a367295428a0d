import { peer } from './peer.ts';
import { finishFolder, freePort, startProgram, temporaryFolder } from './program.ts';

/** A running registry that answers the referrers API; its content is in memory and goes with it. */
export interface Refreg {
  /** As references name it: `127.0.0.1:PORT`. */
  readonly host: string;
  readonly pid: number;
  /** What it printed, with one line for each request. */
  readonly log: string;
  stop(): Promise<void>;
}

/**
 * Starts a registry with the referrers API of the OCI distribution spec 1.1 (docker-registry 2.8
 * has none).
 */
export async function startRefreg(): Promise<Refreg> {
  const program = peer('refreg');
  const folder = temporaryFolder('refreg');
  const host = `127.0.0.1:${await freePort()}`;
  const started = await startProgram({
    name: 'refreg',
    command: program,
    args: [host],
    folder,
    ready: async () => (await fetch(`http://${host}/v2/`)).status === 200,
  });
  return {
    host,
    pid: started.pid,
    log: started.log,
    async stop() {
      await started.stop();
      finishFolder(folder);
    },
  };
}
