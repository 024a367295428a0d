import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { peer } from './peer.ts';
import { finishFolder, type Program, startProgram, temporaryFolder } from './program.ts';
import type { Requirement } from './require.ts';

/** How a command runs in a world. */
export interface CommandOptions {
  /** Where it runs, by default in the directory of the world. */
  readonly cwd?: string;
  /** Added to a bare environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is built, and from what. */
export interface BuildOptions {
  readonly dockerfile: string;
  readonly context: string;
  readonly tag: string;
  readonly args?: Readonly<Record<string, string>>;
}

/** What a suite that uses podman needs. */
export const podmanRequirements: readonly Requirement[] = [
  ...(['podman', 'buildah', 'podman-compose', 'runc', 'catatonit'] as const),
  ...(['netavark', 'aardvark-dns', 'iptables', 'curl', 'root'] as const),
];

/**
 * A machine of the test's own for podman, buildah and podman-compose, which find their default
 * paths there. Images, containers, networks and processes are in namespaces of this world. Its
 * only network is its own loopback, so every port is free, and no registry can be reached. Files
 * have the same paths as on the host, but `/run`, `/var/tmp` and `/var/lib/containers` are new and
 * in memory.
 */
export class PodmanWorld {
  /** A directory of the host that is removed after the world. */
  readonly directory: string;
  readonly #program: Program;
  /** Its first process, as the host numbers it. */
  readonly #init: number;

  private constructor(directory: string, program: Program) {
    this.directory = directory;
    this.#program = program;
    this.#init = Number(readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8'));
  }

  /** Starts a world without images. It ends with this process, even if this process is killed. */
  static async start(): Promise<PodmanWorld> {
    const directory = temporaryFolder('podman');
    writeConfiguration(path.join(directory, 'containers'));
    const script = path.join(directory, 'start.sh');
    writeFileSync(script, startScript(directory));
    const program = await startProgram({
      name: 'podman-world',
      command: 'unshare',
      args: ['--net', '--pid', '--mount', '--mount-proc', '--fork', '--kill-child', '/bin/sh', script],
      folder: directory,
      ready: async () => existsSync(path.join(directory, 'ready')),
    });
    return new PodmanWorld(directory, program);
  }

  /** Runs a command in the world and waits for its end. */
  run(command: string, args: readonly string[], { cwd = this.directory, env }: CommandOptions = {}): Promise<Ended> {
    const enter = ['--target', String(this.#init), '--net', '--pid', '--mount', `--wdns=${cwd}`, '--'];
    return new Promise((resolve, reject) => {
      const child = spawn('nsenter', [...enter, command, ...args], {
        env: { PATH: systemPath, HOME: this.directory, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const output = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].setEncoding('utf8').on('data', (text: string) => {
          output[name] += text;
        });
      }
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, ...output }));
    });
  }

  /** Runs a command that must succeed; returns what it printed, without the last line break. */
  async output(command: string, args: readonly string[], options?: CommandOptions): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, args, options);
    if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}\n${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  /** Runs podman, which must succeed; returns what it printed. */
  podman(...args: string[]): Promise<string> {
    return this.output(peer('podman'), args);
  }

  /**
   * Makes an image of a tar with a root file system; returns its digest, by which a Dockerfile can
   * name it in FROM.
   */
  async importRoot(tar: string, name: string): Promise<string> {
    await this.podman('import', '--quiet', tar, name);
    return this.podman('image', 'inspect', '--format', '{{.Digest}}', name);
  }

  /**
   * Builds a Dockerfile with buildah; returns what it printed. The steps run in a chroot, which
   * needs neither cgroups nor a network.
   */
  async build({ dockerfile, context, tag, args = {} }: BuildOptions): Promise<string> {
    const given = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
    const options = ['--isolation', 'chroot', '--pull-never', '--file', dockerfile, '--tag', tag, ...given];
    return this.output(peer('buildah'), ['build', ...options, context]);
  }

  /** Ends all containers and all other processes of the world, and removes its images. */
  async stop(): Promise<void> {
    try {
      // It also removes the cgroups, which are the host's.
      if (existsSync(`/proc/${this.#program.pid}`)) await this.podman('rm', '--all', '--force', '--time', '0');
    } finally {
      // With the first process the kernel ends all others. It ignores SIGTERM from unshare.
      if (existsSync(`/proc/${this.#program.pid}`)) process.kill(this.#init, 'SIGKILL');
      await this.#program.stop();
      finishFolder(this.directory);
    }
  }
}

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Writes what is `/etc/containers` in a world. */
function writeConfiguration(directory: string): void {
  mkdirSync(directory);
  const files = {
    // crun refuses mixed hierarchies of cgroups. Root may lack the right to raise its limits.
    'containers.conf': `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
`,
    'storage.conf': `
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
`,
    'registries.conf': 'unqualified-search-registries = []\n',
    'policy.json': JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
}

/** What the first process of a world does, in its own namespaces; then it only reaps children. */
function startScript(directory: string): string {
  return `set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /var/tmp
mkdir -p /var/lib/containers
mount -t tmpfs tmpfs /var/lib/containers
mount --bind '${directory}/containers' /etc/containers
ip link set lo up
touch '${directory}/ready'
exec '${peer('catatonit')}' -P
`;
}
