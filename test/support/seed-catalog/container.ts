import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { renderSeccompJson } from '#lib/profile/seccomp/write/render-json';
import { peer } from '../../peers/peer.ts';
import { freePort } from '../../peers/program.ts';
import type { CatalogProgram, Site } from './program.ts';

/** The capabilities that containerd gives to containers that do not ask for others. */
export const capabilities = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP'],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
].map((name) => `CAP_${name}`);

/** How a program is started. */
export interface ContainerOptions {
  readonly runtime: 'runc' | 'crun';
  /** None: the container has no filter. */
  readonly seccomp?: SeccompProfile;
  /** A directory in which `strace` writes the system calls of each command of the runtime. */
  readonly traces?: string;
}

/** Containers whose processes are ended with this process, if a test did not end them. */
const started = new Set<number>();
process.once('exit', () => {
  for (const pid of started) process.kill(pid, 'SIGKILL');
});

/**
 * A program of the peer `catalog-root` in a container of its own: a read-only root, a writable
 * /tmp, /run and /var, the configuration in /work, and the network of the host.
 */
export class ProgramContainer {
  readonly site: Site;
  readonly #folder: string;
  readonly #options: ContainerOptions;
  readonly #id: string;
  #commands = 0;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;

  private constructor(folder: string, site: Site, options: ContainerOptions) {
    this.#folder = folder;
    this.site = site;
    this.#options = options;
    this.#id = path.basename(folder);
    this.#child = this.#spawn(['run', '--bundle', folder, '--pid-file', this.#pidFile, this.#id]);
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#child.once('error', (error) => resolve(error.message));
    this.#child.once('close', (code, signal) => resolve(`${signal ?? code}`));
    this.#ended = promise;
  }

  /**
   * Starts a program, and resolves when the container has a process.
   *
   * @param folder for the files of the container, empty; the caller removes it.
   */
  static async start(folder: string, program: CatalogProgram, options: ContainerOptions): Promise<ProgramContainer> {
    const site: Site = { port: await freePort(), second: await freePort() };
    const etc = path.join(folder, 'etc');
    const work = path.join(folder, 'work');
    mkdirSync(work);
    cpSync(path.join(import.meta.dirname, 'etc'), etc, { recursive: true });
    for (const [name, content] of Object.entries(program.files?.(site) ?? {})) {
      writeFileSync(path.join(work, name), content, { mode: name.endsWith('key') ? 0o600 : 0o644 });
    }
    const script = program.script(site);
    const text = JSON.stringify(specification(folder, script)).replace(
      '"SECCOMP"',
      options.seccomp === undefined ? 'null' : renderSeccompJson(options.seccomp),
    );
    writeFileSync(path.join(folder, 'config.json'), text);
    // Programs that have changed their user open /dev/stderr anew.
    writeFileSync(path.join(folder, 'log'), '');
    chmodSync(path.join(folder, 'log'), 0o666);
    const container = new ProgramContainer(folder, site, options);
    try {
      await container.until('it has a process', () => existsSync(container.#pidFile) && container.#pid() > 0);
    } catch (error) {
      container.#child.kill('SIGKILL');
      throw error;
    }
    started.add(container.#pid());
    return container;
  }

  /** What the processes of the container have written. */
  log(): string {
    return readFileSync(path.join(this.#folder, 'log'), 'utf8');
  }

  /** Returns what the program has written to a file in /mnt; empty if it does not exist. */
  work(name: string): string {
    const file = path.join(this.#folder, 'work', name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /**
   * Waits for a condition; rejects with the log if the container ends or 20 seconds pass before.
   */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 20_000;
    const holds = async () => condition();
    for (;;) {
      const ended = await Promise.race([this.#ended, sleep(20)]);
      if (ended !== undefined) throw new Error(`${this.#id} ended (${ended}) before ${what}:\n${this.log()}`);
      if (await holds().catch(() => false)) return;
      if (Date.now() > deadline) throw new Error(`${this.#id}: not within 20 seconds: ${what}:\n${this.log()}`);
    }
  }

  /** Runs a command in the container, under its profile, and returns what it has printed. */
  exec(command: readonly string[], input?: Buffer): string {
    const [file, ...args] = this.#command(['exec', this.#id, ...command]);
    try {
      return execFileSync(file ?? '', args, {
        encoding: 'utf8',
        timeout: 30_000,
        ...(input && { input }),
        stdio: 'pipe',
      });
    } catch (error) {
      throw new Error(`${command.join(' ')}: ${String(error)}\n${this.log()}`, { cause: error });
    }
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.#pid(), signal);
  }

  /**
   * Ends the first process by a signal, and resolves with the exit code of the container. SIGKILL
   * follows after 10 seconds.
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<string> {
    const kill = (number: NodeJS.Signals) => {
      try {
        this.signal(number);
      } catch (error) {
        // It has ended by itself.
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    };
    kill(signal);
    const late = setTimeout(() => kill('SIGKILL'), 10_000);
    const ended = await this.#ended;
    clearTimeout(late);
    started.delete(this.#pid());
    return ended;
  }

  get #pidFile(): string {
    return path.join(this.#folder, 'pid');
  }

  #pid(): number {
    return Number(readFileSync(this.#pidFile, 'utf8'));
  }

  #spawn(args: readonly string[]): ChildProcess {
    const [file, ...rest] = this.#command(args);
    const log = path.join(this.#folder, 'log');
    const script = `exec "$0" "$@" > '${log}' 2>&1 < /dev/null`;
    return spawn('sh', ['-c', script, file ?? '', ...rest], { stdio: 'ignore' });
  }

  #strace(traces: string): readonly string[] {
    this.#commands += 1;
    const output = path.join(traces, `${this.#commands}`);
    return ['strace', '-f', '-qq', '-e', 'signal=none', '-s', '0', '-o', output];
  }

  /** Returns the command that runs the runtime. */
  #command(args: readonly string[]): readonly string[] {
    const { runtime, traces } = this.#options;
    const own = runtime === 'crun' ? ['--cgroup-manager=disabled'] : [];
    const command = [peer(runtime), '--root', path.join(this.#folder, 'state'), ...own, ...args];
    const traced = traces === undefined ? command : [...this.#strace(traces), ...command];
    if (runtime === 'runc') return traced;
    // crun refuses hosts with both versions of cgroups, so that it is shown the second alone.
    const alone = 'mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';
    return ['unshare', '--mount', 'sh', '-c', alone, 'sh', ...traced];
  }
}

function specification(folder: string, script: string): object {
  const bind = (destination: string, source: string, option: 'ro' | 'rw') => ({
    destination,
    source,
    type: 'bind',
    options: ['rbind', option],
  });
  const tmpfs = (destination: string, mode = '755') => ({
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: [`mode=${mode}`],
  });
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/bin/sh', '-c', script],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/tmp'],
      cwd: '/',
      noNewPrivileges: false,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 4096, soft: 4096 }],
    },
    root: { path: path.join(path.dirname(peer('catalog-root')), 'root'), readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      tmpfs('/dev'),
      tmpfs('/dev/shm', '1777'),
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
      },
      tmpfs('/tmp', '1777'),
      tmpfs('/run'),
      tmpfs('/var'),
      bind('/etc', path.join(folder, 'etc'), 'ro'),
      bind('/mnt', path.join(folder, 'work'), 'rw'),
    ],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      seccomp: 'SECCOMP',
    },
  };
}
