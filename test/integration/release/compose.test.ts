import assert from 'node:assert/strict';
import { chownSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { peer } from '#test/peers/peer';
import { PodmanWorld, podmanRequirements } from '#test/peers/podman';
import { describePeers } from '#test/peers/require';
import { root } from '#test/support/cli/package';
import { buildProgram } from '#test/support/release/program';
import { newRelease, writeProgramArchive } from '#test/support/release/program-archive';

/** The user that starts the services; nothing has this number in Debian. */
const user = 4711;
const base = 'localhost/debian:bookworm';
const registry = 'localhost/registry:test';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Returns the name of the container of a service. */
const container = (service: string): string => `fairlead_${service}_1`;

/**
 * Shell functions in place of the programs that the head of docker-compose.yml names: podman and
 * podman-compose, another user, to whom its files belong, and the base that is here instead of
 * Docker Hub's.
 */
const stand = (digest: string): string => `set -eu
docker() {
  if [ "$1" != compose ]; then podman "$@"; return; fi
  shift
  # It prints more than the command.
  if [ "$1" = exec ]; then podman-compose "$@" > exec.log; else podman-compose "$@"; fi
}
id() { echo ${user}; }
skopeo() { echo ${digest}; }
openssl() { command openssl "$@"; chown -R ${user} deploy/compose; }
export DEBIAN=${base} REGISTRY_IMAGE=${registry} BUILDAH_ISOLATION=chroot
`;

/** Returns the commands in the comment at the head of docker-compose.yml, in two parts. */
function headCommands(): [first: string, then: string] {
  const [head = ''] = readFileSync(join(root, 'docker-compose.yml'), 'utf8').split(/^name:/m);
  const blocks = head.match(/(?:^# {3}.*\n)+/gm) ?? [];
  assert.equal(blocks.length, 2, head);
  const [first = '', then = ''] = blocks.map((block) => block.replaceAll(/^# {3}/gm, ''));
  return [first, then];
}

describePeers(
  [...podmanRequirements, 'debian-root', 'docker-registry', 'busybox', 'openssl'],
  'deploy/Dockerfile and docker-compose.yml',
  () => {
    let world: PodmanWorld;
    let checkout = '';
    let digest = '';
    let archive = '';
    const shell = (script: string) => world.output('sh', ['-c', stand(digest) + script], { cwd: checkout });
    const shellFails = async (script: string): Promise<string> => {
      const { code, stdout, stderr } = await world.run('sh', ['-c', stand(digest) + script], { cwd: checkout });
      assert.notEqual(code, 0, stdout);
      return stdout + stderr;
    };

    /** Runs the health check of a container until it succeeds, as systemd has Podman do. */
    const healthy = async (name: string): Promise<void> => {
      for (let tries = 0; ; tries++) {
        const { code, stdout, stderr } = await world.run(peer('podman'), ['healthcheck', 'run', container(name)]);
        if (code === 0) break;
        assert.ok(tries < 50, `${name}: ${stdout}${stderr}${await world.podman('logs', container(name))}`);
        await sleep(200);
      }
      assert.equal(await world.podman('inspect', '--format', '{{.State.Health.Status}}', container(name)), 'healthy');
    };

    /** Returns the command that builds the image of deploy/Dockerfile. */
    const build = (options = ''): string =>
      `docker build -f deploy/Dockerfile --build-arg DEBIAN=$DEBIAN --build-arg DEBIAN_DIGEST=${digest} ${options} .`;

    before(async () => {
      world = await PodmanWorld.start();
      checkout = join(world.directory, 'fairlead');
      for (const name of ['docker-compose.yml', 'deploy', 'examples'])
        cpSync(join(root, name), join(checkout, name), { recursive: true });
      for (const name of ['fairlead.key', 'fairlead.pub', 'tls.crt', 'tls.key'])
        assert.ok(!readdirSync(join(checkout, 'deploy/compose')).includes(name), `${name} is in the checkout`);
      chownSync(join(checkout, 'deploy/compose'), user, user);
      const release = newRelease(join(checkout, 'release'));
      archive = await writeProgramArchive(release, await buildProgram(release.work));
      digest = await world.importRoot(peer('debian-root'), base);
      await buildRegistry(world);
    });
    after(() => world.stop());

    it('refuses an archive that SHA256SUMS does not list with this content', async () => {
      const sums = join(checkout, 'release/SHA256SUMS');
      const text = readFileSync(sums, 'utf8');
      try {
        writeFileSync(sums, text.replaceAll(/^[0-9a-f]{8}/gm, '00000000'));
        assert.match(await shellFails(build()), new RegExp(`${archive}: FAILED`));
        writeFileSync(sums, text.replaceAll('fairlead-linux-', 'another-linux-'));
        assert.match(await shellFails(build()), /no properly formatted/);
      } finally {
        writeFileSync(sums, text);
      }
    });

    it('takes the archive of the architecture that is built', async () => {
      const other = process.arch === 'x64' ? 'arm64' : 'amd64';
      assert.match(await shellFails(build(`--platform linux/${other}`)), /no properly formatted/);
    });

    it('builds on no base without a digest', async () => {
      assert.match(await shellFails(build().replace(digest, '')), /invalid reference format/);
    });

    it('works as the head of docker-compose.yml describes', async () => {
      const [first, then] = headCommands();
      await shell(first);
      for (const name of ['push', 'pull', 'registry']) await healthy(name);
      const [published, fetched] = (await shell(then)).split(/(?<=\})\s*(?=\{)/).map((text) => JSON.parse(text));
      assert.equal(published.tag, '1.27');
      const built = readFileSync(join(checkout, 'exec.log'), 'utf8');
      assert.match(built, /^published +registry:5000\/catalog:latest@sha256:[0-9a-f]{64}\nprofiles +1,/m);
      assert.equal(fetched.digest, published.digest);
      assert.equal(fetched.verification.signatures[0].manifest, published.signature);
      assert.deepEqual(fetched.profile, JSON.parse(readFileSync(join(checkout, 'examples/nginx.json'), 'utf8')));
    });

    it('builds an image that runs as an unprivileged user, on a read-only root', async () => {
      const [image] = JSON.parse(await world.podman('image', 'inspect', 'localhost/fairlead'));
      assert.equal(image.Config.User, '65532:65532');
      assert.equal(image.RootFS.Layers.length, 2, 'the base and the program');
      const run = ['run', '--rm', '--read-only', '--cap-drop', 'all', '--network', 'none', 'localhost/fairlead'];
      assert.equal(await world.podman(...run, '--version'), version);
      assert.match(await world.podman(...run, 'lint', '--help'), /^Usage: fairlead lint/);
    });

    it('runs the services as the user who has the key, without rights, on a read-only root', async () => {
      for (const [name, files] of [
        ['push', 'fairlead.key\nfairlead.pub\npolicy.yaml\ntls'],
        ['pull', 'fairlead.pub\npolicy.yaml\ntls'],
      ] as const) {
        const inside = (script: string) => world.podman('exec', container(name), 'sh', '-c', script);
        const status = await inside('cat /proc/1/status');
        assert.match(status, new RegExp(`^Uid:\t${user}\t${user}\t`, 'm'));
        assert.match(status, /^CapBnd:\t0+$/m);
        assert.match(status, /^NoNewPrivs:\t1$/m);
        assert.equal(await inside('touch /usr/x 2>/dev/null || echo refused'), 'refused');
        assert.equal(await inside('ls /etc/fairlead'), files);
      }
    });

    it('starts a service again that was killed', async () => {
      const pid = (): Promise<string> => world.podman('inspect', '--format', '{{.State.Pid}}', container('pull'));
      const killed = await pid();
      await world.output('kill', ['-9', killed]);
      for (let tries = 0; ['0', killed].includes(await pid()); tries++) {
        assert.ok(tries < 50, await world.podman('ps', '--all'));
        await sleep(200);
      }
      await healthy('pull');
      const url = 'https://127.0.0.1:8081/v1/profiles?reference=registry:5000/security/nginx:1.27';
      const trusted = ['--cacert', join(checkout, 'deploy/compose/tls.crt')];
      const fetched = await world.output(peer('curl'), ['--silent', '--fail', ...trusted, url]);
      assert.equal(JSON.parse(fetched).kind, 'Seccomp');
      // Which it reads at its start.
      const ready = ['--silent', '--fail', ...trusted, 'https://127.0.0.1:8081/readyz'];
      for (let tries = 0; !/"digest":"sha256:/.test(await world.output(peer('curl'), ready)); tries++) {
        assert.ok(tries < 50, await world.podman('logs', container('pull')));
        await sleep(200);
      }
    });

    it('leaves nothing when it is taken down with its volume', async () => {
      await shell('docker compose down --volumes');
      for (const kind of ['container', 'pod', 'volume'])
        assert.equal(await world.podman(kind, 'ls', '--quiet', ...(kind === 'container' ? ['--all'] : [])), '', kind);
      assert.deepEqual(readdirSync(join(checkout, 'deploy/compose')).sort(), [
        'fairlead.key',
        'fairlead.pub',
        'policy.yaml',
        'tls.crt',
        'tls.key',
      ]);
    });
  },
);

/** Makes the image of a registry: Debian's docker-registry and the wget of busybox on the base. */
async function buildRegistry(world: PodmanWorld): Promise<void> {
  const context = join(world.directory, 'registry');
  mkdirSync(context);
  for (const name of ['docker-registry', 'busybox'] as const) copyFileSync(peer(name), join(context, name));
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: '/var/lib/registry' } },
    http: { addr: ':5000' },
  };
  writeFileSync(join(context, 'config.yml'), JSON.stringify(config));
  const dockerfile = join(context, 'Dockerfile');
  const lines = [
    `FROM ${base}`,
    'COPY busybox /usr/bin/wget',
    'COPY docker-registry /usr/bin/',
    'COPY config.yml /etc/docker/registry/config.yml',
    'VOLUME /var/lib/registry',
    'ENTRYPOINT ["docker-registry", "serve", "/etc/docker/registry/config.yml"]',
  ];
  writeFileSync(dockerfile, lines.join('\n'));
  await world.build({ dockerfile, context, tag: registry });
}
