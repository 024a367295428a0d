import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { renderSeccompJson } from '#lib/profile/seccomp/write/render-json';
import { peer } from '../../peers/peer.ts';

/** What of a container changes the calls that a runtime makes after it has loaded the filter. */
export interface ContainerKind {
  readonly runtime: 'runc' | 'crun';
  readonly noNewPrivileges: boolean;
  readonly user: 'root' | 'other';
}

/**
 * Containers with a program that makes no system call: its first instruction ends it by a signal,
 * which shows that the program was started, whatever its profile denies.
 */
export class StartedContainer {
  readonly #folder: string;
  #runs = 0;

  /** Compiles the program into `folder`, which the caller removes. */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(path.join(folder, 'rootfs', 'proc'), { recursive: true });
    const source = path.join(folder, 'trap.c');
    writeFileSync(source, 'void _start(void) { __builtin_trap(); }\n');
    execFileSync(peer('cc'), ['-O1', '-static', '-nostdlib', '-o', path.join(folder, 'rootfs', 'trap'), source]);
    const steps = fileURLToPath(new URL('./start-by-steps.c', import.meta.url));
    execFileSync(peer('cc'), ['-O1', '-o', path.join(folder, 'steps'), steps]);
  }

  /**
   * Creates and starts a container, and returns whether its program was started.
   *
   * @throws Error if that cannot be told.
   */
  starts({ runtime, noNewPrivileges, user }: ContainerKind, profile: SeccompProfile): boolean {
    this.#runs += 1;
    const id = `start-${process.pid}-${this.#runs}`;
    const text = JSON.stringify(specification(noNewPrivileges, user)).replace('"SECCOMP"', renderSeccompJson(profile));
    writeFileSync(path.join(this.#folder, 'config.json'), text);
    const command = [peer(runtime), '--root', path.join(this.#folder, 'state')];
    // crun refuses hosts with both versions of cgroups, so that it is shown the second alone.
    const prepare = runtime === 'crun' ? 'mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup && ' : '';
    const own = runtime === 'crun' ? ['--cgroup-manager=disabled'] : [];
    const steps = [path.join(this.#folder, 'steps'), path.join(this.#folder, 'pid'), id, ...command, ...own];
    // With SIGKILL ends all that has its process ids from unshare: a runtime may wait for ever for
    // a thread that was ended.
    const apart = ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
    const { error, status, stdout, stderr } = spawnSync(
      'unshare',
      [...apart, 'sh', '-c', `${prepare}exec "$@"`, 'sh', ...steps],
      {
        cwd: this.#folder,
        encoding: 'utf8',
        timeout: 10_000,
        killSignal: 'SIGKILL',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    if (error !== undefined && Reflect.get(error, 'code') === 'ETIMEDOUT') return false;
    if (error !== undefined || status !== 0) throw new Error(`${runtime}: ${error ?? stderr}`);
    const ending = stdout.trim().split('\n').at(-1) ?? '';
    if (ending === `signal ${constants.signals.SIGILL}` || ending === `signal ${constants.signals.SIGTRAP}`)
      return true;
    if (/^(?:(?:create|start) failed|exit \d+|signal \d+)$/.test(ending)) return false;
    throw new Error(`${runtime} wrote ${JSON.stringify(stdout)}`);
  }
}

function specification(noNewPrivileges: boolean, user: 'root' | 'other'): object {
  const capabilities = ['CAP_NET_BIND_SERVICE'];
  return {
    ociVersion: '1.0.2',
    process: {
      user: user === 'root' ? { uid: 0, gid: 0 } : { uid: 1000, gid: 1000, additionalGids: [5] },
      args: ['/trap'],
      env: ['PATH=/'],
      cwd: '/',
      noNewPrivileges,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: 'RLIMIT_CORE', hard: 0, soft: 0 }],
    },
    root: { path: 'rootfs', readonly: true },
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
      seccomp: 'SECCOMP',
    },
  };
}
