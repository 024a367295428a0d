import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peer } from '#test/peers/peer';
import { PodmanWorld, podmanRequirements } from '#test/peers/podman';
import { readmeSteps } from '../cli/readme.ts';

/** What a suite that uses a blank machine needs. */
export const blankMachineRequirements = [...podmanRequirements, 'debian-root', 'docker-registry'] as const;

const base = 'localhost/debian:bookworm';
const registry = 'localhost:5000';

/**
 * A minimal Debian without Node.js, whose only network is its own loopback, with a registry on port
 * 5000. The directory `/release` has the files of a release.
 */
export class BlankMachine {
  readonly #world: PodmanWorld;
  readonly #release: string;

  private constructor(world: PodmanWorld, release: string) {
    this.#world = world;
    this.#release = release;
  }

  /** Starts the machine. It ends with this process. */
  static async start(release: string): Promise<BlankMachine> {
    const world = await PodmanWorld.start();
    await world.importRoot(peer('debian-root'), base);
    const directory = join(world.directory, 'registry');
    mkdirSync(directory);
    const storage = { filesystem: { rootdirectory: '/var/lib/registry' } };
    writeFileSync(
      join(directory, 'config.yml'),
      JSON.stringify({ version: '0.1', storage, http: { addr: '127.0.0.1:5000' } }),
    );
    const volumes = [`${peer('docker-registry')}:/usr/bin/docker-registry:ro`, `${directory}:/etc/registry:ro`];
    await world.podman(
      ...['run', '--detach', '--network', 'host', ...volumes.flatMap((volume) => ['--volume', volume]), base],
      ...['docker-registry', 'serve', '/etc/registry/config.yml'],
    );
    return new BlankMachine(world, release);
  }

  /**
   * Installs the program on a new copy of the machine with a command, and then does what README
   * tells publishers and nodes to do, from a key to a verified pull. Returns what
   * `fairlead version` and the pull printed. Rejects if a command fails.
   *
   * @param install a shell command
   * @param examples the directory where it installs the examples
   */
  async publishAndPull(install: string, examples: string): Promise<string> {
    const { commands, policy, reference } = readmeSteps();
    const here = (text: string): string => text.replaceAll('registry.example.com', registry);
    const script = [
      'set -eu',
      'cd /root',
      '! command -v node',
      `(${install}) > /dev/null`,
      `cp ${examples}/nginx.json .`,
      ...commands.map((command) => `${here(command)} > /dev/null`),
      `cat > policy.yaml <<'END'\n${here(policy)}END`,
      'fairlead version',
      `fairlead pull ${here(reference)} --policy policy.yaml --file pulled.json`,
      'cmp nginx.json pulled.json',
    ].join('\n');
    const run = ['run', '--rm', '--network', 'host', '--volume', `${this.#release}:/release:ro`, base];
    return this.#world.podman(...run, 'sh', '-c', script);
  }

  async stop(): Promise<void> {
    await this.#world.stop();
  }
}
