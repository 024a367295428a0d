import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { peer } from '#test/peers/peer';
import { startRefreg } from '#test/peers/refreg';
import { startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { root } from '#test/support/cli/package';
import { run, runFairlead, succeeded } from '#test/support/cli/run';
import { buildTestImage, license, smallPrograms, imageVersion as version } from '#test/support/release/image';
import { headCommit } from '../../../tools/head-commit.ts';
import { readPins } from '../../../tools/release/image/pinned-packages.ts';

const platforms = [
  { architecture: 'amd64', machine: 'Advanced Micro Devices X86-64' },
  { architecture: 'arm64', machine: 'AArch64' },
] as const;

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-image-'));
});
after(() => rm(folder, { recursive: true }));

async function sha256(file: string): Promise<string> {
  return (await run('sha256sum', [file])).stdout.slice(0, 64);
}

/** Unpacks the layers of one platform of an OCI archive as a root file system. */
async function unpackImage(archive: string, architecture: string, to: string): Promise<void> {
  const layout = `${to}.layout`;
  const override = ['--override-arch', architecture];
  succeeded(await run('skopeo', ['copy', '-q', ...override, `oci-archive:${archive}:${version}`, `dir:${layout}`]));
  const { layers } = JSON.parse(await readFile(join(layout, 'manifest.json'), 'utf8'));
  await mkdir(to);
  for (const { digest } of layers) {
    succeeded(await run('tar', ['-xzpf', join(layout, digest.slice('sha256:'.length)), '-C', to]));
  }
}

describePeers(['apt-helper', 'cc', 'dpkg-deb', 'readelf', 'root', 'skopeo'], 'the files of the image', () => {
  let archive = '';
  before(async () => {
    archive = await buildTestImage(join(folder, 'small'), await smallPrograms(folder));
    for (const { architecture } of platforms)
      await unpackImage(archive, architecture, join(folder, `root-${architecture}`));
  });

  it('are the same bytes in another build of the same commit', async () => {
    const umask = process.umask(0o077);
    try {
      const again = await buildTestImage(join(folder, 'again'), await smallPrograms(folder));
      assert.equal(await sha256(again), await sha256(archive));
    } finally {
      process.umask(umask);
    }
  });

  it('have one entry for each platform, and say what they are', async () => {
    const text = succeeded(await run('skopeo', ['inspect', '--raw', `oci-archive:${archive}`]));
    const index = JSON.parse(text);
    assert.deepEqual(
      index.manifests.map(({ platform }: { platform: object }) => platform),
      [
        { architecture: 'amd64', os: 'linux' },
        { architecture: 'arm64', os: 'linux', variant: 'v8' },
      ],
    );
    const { commit, epoch } = headCommit(root);
    const annotations = {
      'org.opencontainers.image.created': new Date(epoch * 1000).toISOString().replace('.000', ''),
      'org.opencontainers.image.title': 'fairlead',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.revision': commit,
      'org.opencontainers.image.version': version,
    };
    for (const [key, value] of Object.entries(annotations)) assert.equal(index.annotations[key], value);
    for (const { architecture } of platforms) {
      const override = ['--override-arch', architecture];
      const inspected = await run('skopeo', ['inspect', '--config', ...override, `oci-archive:${archive}`]);
      const image = JSON.parse(succeeded(inspected));
      assert.equal(image.architecture, architecture);
      assert.equal(image.created, annotations['org.opencontainers.image.created']);
      assert.deepEqual(image.config.Entrypoint, ['/usr/bin/fairlead']);
      assert.equal(image.config.User, '65532:65532');
      assert.deepEqual(image.config.Labels, index.annotations);
    }
  });

  for (const { architecture, machine } of platforms) {
    it(`are for ${architecture}, with modes and owners as a user who is not root needs them`, async () => {
      const to = join(folder, `root-${architecture}`);
      const listed = succeeded(await run('find', [to, '-printf', '%P %y %m %U:%G\n']));
      const entries = new Map(listed.split('\n').map((line) => [line.split(' ')[0], line.replace(/^\S* /, '')]));
      assert.equal(entries.get('tmp'), 'd 1777 0:0');
      assert.equal(entries.get('home/nonroot'), 'd 755 65532:65532');
      assert.equal(entries.get('usr/bin/fairlead'), 'f 755 0:0');
      assert.equal(entries.get('etc/passwd'), 'f 644 0:0');
      assert.equal(entries.get(license.path), 'f 644 0:0');
      const programs = [...entries].filter(([path, entry]) => path?.startsWith('usr/bin/') && !entry.startsWith('d'));
      assert.equal(programs.length, 1, 'no shell, and nothing else to run');
      const elf = [...entries.keys()].filter((path) => path && /\.so(?:\.|$)|usr\/bin\/fairlead/.test(path));
      assert.ok(elf.length >= 3, String(elf));
      for (const path of elf) {
        const header = execFileSync('readelf', ['-h', join(to, path ?? '')], { encoding: 'utf8' });
        assert.match(header, new RegExp(`Machine: +${machine}`), path);
      }
    });
  }

  it('name the packages of Debian that they are from, with licenses and hashes', async () => {
    const to = join(folder, 'root-amd64');
    const status = join(to, 'var/lib/dpkg/status.d');
    const pins = readPins().packages.amd64;
    const names = pins.map(({ name }) => name);
    assert.deepEqual(
      (await readdir(status)).filter((name) => !name.endsWith('.md5sums')),
      [...names].sort(),
    );
    for (const { name, version: pinned } of pins) {
      const fields = await readFile(join(status, name), 'utf8');
      assert.match(fields, new RegExp(`^Package: ${name.replaceAll('+', '\\+')}$`, 'm'));
      assert.equal(/^Version: (.*)$/m.exec(fields)?.[1], pinned);
      assert.ok((await readFile(join(to, 'usr/share/doc', name, 'copyright'))).length > 0);
      const hashes = join(status, `${name}.md5sums`);
      // The small program needs no library of GCC.
      if (/^lib(?:gcc|stdc)/.test(name)) continue;
      assert.equal(succeeded(await run('md5sum', ['--check', '--strict', '--quiet', hashes], { cwd: to })), '');
    }
    assert.match(
      await readFile(join(to, 'etc/os-release'), 'utf8'),
      new RegExp(`VERSION_CODENAME=${readPins().suite}`),
    );
  });

  it('have the authorities that Debian trusts, each of them readable', async () => {
    const text = await readFile(join(folder, 'root-amd64/etc/ssl/certs/ca-certificates.crt'), 'utf8');
    const certificates = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
    assert.ok(certificates.length > 100);
    for (const certificate of certificates) assert.ok(new X509Certificate(certificate).ca);
  });

  it('are refused if a library that the program needs is in none of the packages', async () => {
    const source = join(folder, 'needs.c');
    await writeFile(source, 'int main(void) { return 0; }\n');
    await writeFile(join(folder, 'missing.c'), 'int missing;\n');
    succeeded(
      await run('cc', ['-shared', '-Wl,-soname,libmissing.so.7', '-o', 'libmissing.so', 'missing.c'], { cwd: folder }),
    );
    succeeded(await run('cc', ['-Wl,--no-as-needed', '-o', 'needs', source, '-L.', '-lmissing'], { cwd: folder }));
    const programs = { ...(await smallPrograms(folder)), x64: join(folder, 'needs') };
    await assert.rejects(
      buildTestImage(join(folder, 'incomplete'), programs),
      /needs libmissing\.so\.7, which no package of the image has/,
    );
  });
});

const imagePeers = [
  'apt-helper',
  'cosign',
  'crane',
  'docker-registry',
  'dpkg-deb',
  'readelf',
  'refreg',
  'skopeo',
] as const;

describePeers(imagePeers, 'the image in a registry', () => {
  let registries: readonly { readonly host: string; stop(): Promise<void> }[];
  let archive = '';
  before(async () => {
    registries = await Promise.all([startRegistry(), startRefreg()]);
    archive = await buildTestImage(join(folder, 'pushed'), await smallPrograms(folder));
    succeeded(await runFairlead(['keygen'], { cwd: folder }));
  });
  after(() => Promise.all(registries.map((registry) => registry.stop())));

  /** Holds an image in a registry to be whole, as others see it. */
  async function check(reference: string): Promise<void> {
    succeeded(await run(peer('crane'), ['validate', '--remote', reference, '--insecure']));
    for (const { architecture } of platforms) {
      const override = ['--override-arch', architecture, '--tls-verify=false'];
      const inspected = succeeded(await run('skopeo', ['inspect', ...override, `docker://${reference}`]));
      assert.equal(JSON.parse(inspected).Architecture, architecture);
    }
  }

  it('is complete after fairlead load, from the file that is published', async () => {
    for (const { host } of registries) {
      const loaded = await runFairlead(['load', archive, `${host}/loaded/fairlead`], { cwd: folder });
      assert.match(succeeded(loaded), new RegExp(`^loaded     ${host}/loaded/fairlead:${version}@sha256:`));
      await check(`${host}/loaded/fairlead:${version}`);
    }
  });

  it('is the same image, with both platforms, after skopeo copied it', async () => {
    for (const { host } of registries) {
      const to = `${host}/skopeo/fairlead:${version}`;
      const copied = ['copy', '-q', '--all', '--dest-tls-verify=false', `oci-archive:${archive}`, `docker://${to}`];
      succeeded(await run('skopeo', copied));
      await check(to);
      const digest = async (reference: string) =>
        succeeded(await run(peer('crane'), ['digest', reference, '--insecure']));
      assert.equal(await digest(to), await digest(`${host}/loaded/fairlead:${version}`));
    }
  });

  it('is signed by fairlead, verified by cosign, and copied with its signature', async () => {
    const [{ host: from } = { host: '' }, { host: to } = { host: '' }] = registries;
    const reference = `${from}/loaded/fairlead:${version}`;
    succeeded(await runFairlead(['sign', reference, '--key', 'fairlead.key'], { cwd: folder }));
    const copied = ['copy', reference, `${to}/copied/fairlead`];
    succeeded(await runFairlead(copied, { cwd: folder }));
    await check(`${to}/copied/fairlead:${version}`);
    for (const signed of [reference, `${to}/copied/fairlead:${version}`]) {
      const flags = ['--key', join(folder, 'fairlead.pub'), '--insecure-ignore-tlog', '--allow-http-registry'];
      const verified = await run(peer('cosign'), ['verify', ...flags, signed], { env: { HOME: folder } });
      assert.match(succeeded(verified), /"critical"/);
      const other = succeeded(await run(peer('crane'), ['digest', signed, '--insecure', '--platform', 'linux/arm64']));
      const part = signed.replace(/:[^:]*$/, `@${other.trim()}`);
      const unsigned = await run(peer('cosign'), ['verify', ...flags, part], { env: { HOME: folder } });
      assert.notEqual(unsigned.code, 0, 'what is signed is the index');
    }
  });

  it('has its signature before its tag if it is signed in a layout and then copied', async () => {
    const layout = join(folder, 'layout');
    for (const { host } of registries) {
      const image = `${host}/signed/fairlead`;
      const inLayout = ['--oci-layout', layout];
      succeeded(await runFairlead(['load', archive, image, ...inLayout]));
      const signing = ['sign', `${image}:${version}`, '--key', 'fairlead.key', ...inLayout];
      succeeded(await runFairlead(signing, { cwd: folder }));
      succeeded(await runFairlead(['copy', `${image}:${version}`, image, '--from-oci-layout', layout]));
      await check(`${image}:${version}`);
      const flags = ['--key', join(folder, 'fairlead.pub'), '--insecure-ignore-tlog', '--allow-http-registry'];
      const verified = await run(peer('cosign'), ['verify', ...flags, `${image}:${version}`], {
        env: { HOME: folder },
      });
      assert.match(succeeded(verified), /"critical"/);
    }
  });
});
