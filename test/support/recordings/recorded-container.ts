import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { renderSeccompJson } from '#lib/profile/seccomp/write/render-json';
import { peer } from '../../peers/peer.ts';

/**
 * Programs that profiles are recorded of, as scripts of a shell in the container; each says `done`
 * where all went well.
 */
export const recordedPrograms: Readonly<Record<string, string>> = {
  'busybox-sh':
    'cd /tmp && date > a && seq 100 | sort -rn | head -n 3 >> a && cp a b && mv b c && cat c | wc -l && rm a c && echo done',
  'busybox-httpd':
    'echo done > /tmp/index.html; httpd -p 127.0.0.1:8080 -h /tmp && wget -qO- http://127.0.0.1:8080/index.html',
  node: `rm -f /tmp/port && node -e '
    const server = require("node:http").createServer((_, response) => response.end("done\\n"));
    server.listen(0, "127.0.0.1", async () => {
      require("node:fs").writeFileSync("/tmp/port", String(server.address().port));
      process.stdout.write(await (await fetch("http://127.0.0.1:" + server.address().port)).text());
      server.close(() => process.exit());
    });'`,
  'docker-registry': `printf 'version: 0.1\\nstorage: {filesystem: {rootdirectory: /tmp/r}}\\nhttp: {addr: "127.0.0.1:5000"}\\n' > /tmp/c
    docker-registry serve /tmp/c 2> /tmp/log &
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      wget -qO- http://127.0.0.1:5000/v2/_catalog && echo done && exit; sleep 0.5
    done; cat /tmp/log; exit 1`,
};

/** What the container has of the machine, besides what is copied into it. */
const mounts = ['/usr', '/lib', '/lib64', '/etc'];

/** Runs scripts in containers that see the machine's programs, with a folder /tmp of their own. */
export class RecordedContainer {
  readonly #folder: string;
  #runs = 0;

  /** @param folder for the containers' files; the caller removes it. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const name of ['bin', 'proc', 'dev', 'tmp', 'usr', 'lib', 'lib64', 'etc', 'node']) {
      mkdirSync(path.join(folder, 'rootfs', name), { recursive: true });
    }
    copyFileSync(peer('busybox'), path.join(folder, 'rootfs/bin/busybox'));
  }

  /**
   * Runs a script of busybox' shell.
   *
   * @param prefix the command that the runtime is run by, such as strace with its options.
   */
  run(
    runtime: 'runc' | 'crun',
    script: string,
    { seccomp, prefix = [] }: { readonly seccomp?: SeccompProfile; readonly prefix?: readonly string[] },
  ): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
    this.#runs += 1;
    const id = `recorded-${process.pid}-${this.#runs}`;
    const specification = JSON.stringify(this.#specification(script), undefined, 1);
    const filter = seccomp === undefined ? 'null' : renderSeccompJson(seccomp);
    writeFileSync(path.join(this.#folder, 'config.json'), specification.replace('"SECCOMP"', filter));
    const run = ['--root', path.join(this.#folder, 'state'), 'run', '--bundle', this.#folder, id];
    // crun refuses hosts with both versions of cgroups, so that it is shown the second alone.
    const alone = 'mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';
    const command =
      runtime === 'runc' ? [peer('runc'), ...run] : [...prefix, peer('crun'), '--cgroup-manager=disabled', ...run];
    const prepared = ['sh', '-c', runtime === 'runc' ? 'exec "$@"' : alone, 'sh', ...command];
    // A shell that may not wait for its children spins, and with SIGKILL ends all that has its
    // process ids from unshare.
    const apart = ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
    return spawnSync('unshare', [...apart, ...prepared], { encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' });
  }

  #specification(script: string): object {
    const capabilities = ['CAP_CHOWN', 'CAP_FOWNER', 'CAP_NET_BIND_SERVICE', 'CAP_SETGID', 'CAP_SETUID'];
    const bind = (destination: string, source = destination) => ({
      destination,
      source,
      type: 'bind',
      options: ['rbind', 'ro'],
    });
    const tmpfs = (destination: string) => ({ destination, type: 'tmpfs', source: 'tmpfs' });
    return {
      ociVersion: '1.0.2',
      process: {
        user: { uid: 0, gid: 0 },
        args: ['/bin/busybox', 'sh', '-c', script],
        env: ['PATH=/node:/usr/bin', 'HOME=/tmp'],
        cwd: '/',
        noNewPrivileges: true,
        capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      },
      root: { path: 'rootfs', readonly: true },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
        tmpfs('/tmp'),
        ...mounts.map((name) => bind(name)),
        bind('/node', path.dirname(process.execPath)),
      ],
      linux: {
        namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
        seccomp: 'SECCOMP',
      },
    };
  }
}
