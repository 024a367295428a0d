import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAuthority, makeCertificate } from '#test/peers/certificates';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { peer } from '#test/peers/peer';
import { freePort } from '#test/peers/program';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { root } from '#test/support/cli/package';
import { type Finished, runFairlead, succeeded } from '#test/support/cli/run';
import { buildTestImage, testPrograms, imageVersion as version } from '#test/support/release/image';
import { privateSigstore } from '#test/support/sigstore/private-sigstore';
import { startTufRepository } from '#test/support/sigstore/tuf-repository';

const programVersion = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

let folder = '';
let built: Promise<string> | undefined;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-image-'));
  await chmod(folder, 0o755);
});
after(() => rm(folder, { recursive: true }));

/** Builds the image, once for all suites whose peers are installed. */
function image(): Promise<string> {
  built ??= testPrograms(folder).then((programs) => buildTestImage(folder, programs));
  return built;
}

/** What a container may not do by default in containerd, dropped here. */
const capabilities = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP'],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
];

interface ContainerOptions {
  /** Files and directories of the host, read-only, by their path in the container. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** Further flags of `ctr run`. */
  readonly flags?: readonly string[];
}

for (const runtime of ['2', '1.6'] as const) {
  const building = ['apt-helper', 'dpkg-deb', 'readelf'] as const;
  const requirements = [...containerdRequirements, ...building, 'docker-registry', 'openssl'] as const;
  describePeers(
    runtime === '2' ? requirements : [...requirements, 'containerd-1.6', 'ctr-1.6'],
    `the image in containerd ${runtime}`,
    () => {
      let containerd: Containerd;
      let registry: Registry;
      const running = new Set<ChildProcess>();
      before(async () => {
        [containerd, registry] = await Promise.all([startContainerd({ version: runtime }), startRegistry()]);
        containerd.ctr('images', 'import', '--no-unpack', await image());
      });
      after(async () => {
        for (const child of running) child.kill('SIGKILL');
        await containerd.stop();
        await registry.stop();
      });

      /** Runs the image as an ordinary user who may do nothing, with a root that is read-only. */
      const start = (name: string, args: readonly string[], { mounts = {}, flags = [] }: ContainerOptions = {}) => {
        const ctr = peer(runtime === '2' ? 'ctr' : 'ctr-1.6');
        const child = spawn(
          ctr,
          [
            ...['--address', containerd.socket, '--namespace', 'k8s.io', 'run', '--rm', '--snapshotter', 'native'],
            ...['--runc-binary', peer('runc'), '--read-only', '--net-host'],
            ...capabilities.flatMap((each) => ['--cap-drop', `CAP_${each}`]),
            ...Object.entries(mounts).flatMap(([to, from]) => [
              '--mount',
              `type=bind,src=${from},dst=${to},options=rbind:ro`,
            ]),
            ...flags,
            ...[`localhost/fairlead:${version}`, name, '/usr/bin/fairlead', ...args],
          ],
          { stdio: ['ignore', 'pipe', 'pipe'] },
        );
        running.add(child);
        return child;
      };
      const finish = async (child: ChildProcess): Promise<Finished> => {
        const output = { stdout: '', stderr: '' };
        child.stdout?.setEncoding('utf8').on('data', (text) => (output.stdout += text));
        child.stderr?.setEncoding('utf8').on('data', (text) => (output.stderr += text));
        const [code] = await once(child, 'close');
        running.delete(child);
        return { code, ...output };
      };

      /** Publishes a profile, and writes the policy of a rule, with its key, to a directory. */
      const signedProfile = async (name: string, rule: string): Promise<{ reference: string; policy: string }> => {
        const here = join(folder, `${name}-${runtime}`);
        const policy = join(here, 'policy');
        await mkdir(policy, { recursive: true });
        succeeded(await runFairlead(['keygen'], { cwd: here }));
        const reference = `${registry.host}/security/${name}:1`;
        const profile = join(root, 'examples/nginx.json');
        succeeded(await runFairlead(['push', profile, reference, '--key', 'fairlead.key'], { cwd: here }));
        await copyFile(join(here, 'fairlead.pub'), join(policy, 'fairlead.pub'));
        const text = `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  ${rule}\n`;
        await writeFile(join(policy, 'policy.yaml'), text);
        return { reference, policy };
      };

      it('runs the command', async () => {
        assert.equal(succeeded(await finish(start('version', ['--version']))).trim(), programVersion);
      });

      // ctr 1.6 has no flag for the user.
      if (runtime === '2')
        it('pulls from a registry as every other user', async () => {
          const { reference, policy } = await signedProfile('other', '- {match: "**", require: [{key: fairlead.pub}]}');
          const args = ['verify', reference, '--policy', '/etc/fairlead/policy.yaml'];
          const flags = ['--user', '12345:12345'];
          succeeded(await finish(start('other', args, { mounts: { '/etc/fairlead': policy }, flags })));
        });

      it('reports an error in the words of the program', async () => {
        const finished = await finish(start('wrong', ['verify', 'localhost:1/nginx:1']));
        assert.equal(finished.code, 2);
        assert.match(finished.stderr, /nothing specifies what the profile must meet/);
      });

      it('trusts the authorities that are mounted in place of its own', async () => {
        const here = join(folder, `tls-${runtime}`);
        await mkdir(here);
        const authority = await makeAuthority(here, '/CN=fairlead test authority');
        const request = { name: 'server', subject: '/CN=registry', serverNames: 'IP:127.0.0.1' };
        const tls = await startRegistry({ tls: await makeCertificate(here, authority, request) });
        try {
          const hosts = join(here, 'certs.d', tls.host);
          await mkdir(hosts, { recursive: true });
          await writeFile(join(hosts, 'hosts.toml'), `server = "https://${tls.host}"\n`);
          const mounts = { '/etc/containerd/certs.d': join(here, 'certs.d') };
          const args = ['ls', `${tls.host}/security/nginx`];
          const untrusted = await finish(start('untrusted', args, { mounts }));
          assert.equal(untrusted.code, 8, untrusted.stderr);
          assert.match(untrusted.stderr, /certificate is not trusted/);
          const trusting = { ...mounts, '/etc/ssl/certs/ca-certificates.crt': authority.certificateFile };
          const trusted = await finish(start('trusted', args, { mounts: trusting }));
          assert.equal(trusted.code, 7, trusted.stderr);
        } finally {
          await tls.stop();
        }
      });

      it('writes trusted roots to what is mounted for them, and asks for that otherwise', async () => {
        const tuf = await startTufRepository({
          'trusted_root.json': JSON.stringify((await privateSigstore()).trustedRoot),
        });
        try {
          const identity = '{keyless: {issuer: https://issuer.example, identity: me@acme.example}}';
          const rule = `- {match: "**", require: [{anyOf: [{key: fairlead.pub}, ${identity}]}]}`;
          const { reference, policy } = await signedProfile('tuf', rule);
          await writeFile(join(policy, 'root.json'), tuf.root);
          const file = join(policy, 'policy.yaml');
          const root = `trustedRoot: {tuf: "${tuf.url}", root: root.json}\n`;
          await writeFile(file, `${await readFile(file, 'utf8')}${root}`);
          const args = ['verify', reference, '--policy', '/etc/fairlead/policy.yaml'];
          const mounts = { '/etc/fairlead': policy };
          const refused = await finish(start('no-cache', args, { mounts }));
          assert.equal(refused.code, 2, refused.stderr);
          assert.match(refused.stderr, /cannot write to the cache directory \/home\/nonroot\/\.cache.*XDG_CACHE_HOME/s);
          const cache = ['--mount', 'type=tmpfs,src=tmpfs,dst=/home/nonroot/.cache,options=mode=1777'];
          succeeded(await finish(start('cache', args, { mounts, flags: cache })));
        } finally {
          await tuf.stop();
        }
      });

      it('runs the operator', async () => {
        const here = join(folder, `operator-${runtime}`);
        execFileSync(join(root, 'deploy/operator/certificate.sh'), [here, 'IP:127.0.0.1']);
        await chmod(here, 0o755);
        for (const name of ['tls.crt', 'tls.key']) await chmod(join(here, name), 0o644);
        const kubeconfig = {
          'current-context': 'c',
          contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
          clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
          users: [{ name: 'u', user: { token: 't' } }],
        };
        await writeFile(join(here, 'kubeconfig'), JSON.stringify(kubeconfig));
        const tls = ['--tls-cert', '/etc/fairlead/tls/tls.crt', '--tls-key', '/etc/fairlead/tls/tls.key'];
        const config = ['--listen', '127.0.0.1:0', '--kubeconfig', '/etc/fairlead/tls/kubeconfig'];
        const child = start('operator', ['operator', ...tls, ...config], { mounts: { '/etc/fairlead/tls': here } });
        const ended = finish(child);
        const listening = new Promise<void>((resolve) => {
          child.stdout.on('data', (text: string) => {
            if (text.includes('"listening"')) resolve();
          });
        });
        await Promise.race([listening, ended.then(({ stderr }) => assert.fail(stderr))]);
        child.kill('SIGTERM');
        assert.equal((await ended).code, 0);
      });

      it('serves verified profiles, is healthy, and ends at once on SIGTERM', async () => {
        const signed = await signedProfile('serve', '- {match: "**", require: [{key: fairlead.pub}]}');
        const [pull, health] = [await freePort(), await freePort()];
        const addresses = ['--pull', `127.0.0.1:${pull}`, '--health', `127.0.0.1:${health}`];
        const args = ['serve', ...addresses, '--policy', '/etc/fairlead/policy.yaml'];
        const child = start('serve', args, { mounts: { '/etc/fairlead': signed.policy } });
        const ended = finish(child);
        const isReady = async (): Promise<boolean> => {
          const answers = [fetch(`http://127.0.0.1:${health}/readyz`), fetch(`http://127.0.0.1:${pull}/healthz`)];
          return (await Promise.all(answers)).every(({ status }) => status === 200);
        };
        while (!(await isReady().catch(() => false))) {
          assert.equal(child.exitCode, null, JSON.stringify(child.exitCode === null || (await ended)));
          await sleep(50);
        }
        assert.equal((await fetch(`http://127.0.0.1:${health}/healthz`)).status, 200);
        const pulled = await fetch(`http://127.0.0.1:${pull}/v1/profiles?reference=${signed.reference}`);
        assert.equal(pulled.status, 200);
        const { profile } = (await pulled.json()) as { profile: unknown };
        assert.deepEqual(profile, JSON.parse(await readFile(join(root, 'examples/nginx.json'), 'utf8')));
        const before = Date.now();
        child.kill('SIGTERM');
        assert.equal((await ended).code, 0);
        assert.ok(Date.now() - before < 5_000);
      });
    },
  );
}
