import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { remoteRepository } from '#lib/registry/remote/repository';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, run, succeeded } from '#test/support/cli/run';
import { fairlead, folder, policy } from '#test/support/cli/signing-folder';
import { startRefusingProxy } from '#test/support/faults/http-proxy';

const looser = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","mount"],"action":"SCMP_ACT_ALLOW"}]}';
const apparmor = '{"filesystem":{"readOnlyPaths":["/etc/**"]}}';
const seccompType = 'application/vnd.cncf.seccomp-profile.config.v1+json';

/** Commands that take a profile, with a reference in the place of a file. */
const commandsOn = (reference: string): readonly (readonly string[])[] => [
  ['diff', reference, 'p.json'],
  ['diff', 'p.json', reference],
  ['diff', '--new', reference],
  ['diff', reference, '/dev/null'],
  ['lint', reference],
  ['explain', reference, '--like', 'containerd@2.1'],
  ['explain', 'p.json', '--baseline', reference],
  ['merge', '--intersect', reference, 'p.json'],
  ['convert', reference, '--to', 'spo'],
];

describePeers(['docker-registry', 'cosign', 'oras'], 'a reference in the place of a file', () => {
  let registry: Registry;
  let nginx = '';
  before(async () => {
    registry = await startRegistry();
    nginx = `${registry.host}/profiles/nginx`;
    await writeFile(join(folder, 'looser.json'), looser);
    await writeFile(join(folder, 'apparmor.json'), apparmor);
    const push = async (file: string, reference: string, ...args: string[]) =>
      succeeded(await fairlead(['push', file, reference, ...args]));
    await push('p.json', `${nginx}:1`, '--key', 'a.key');
    await push('looser.json', `${nginx}:2`, '--key', 'a.key');
    await push('looser.json', `${registry.host}/profiles/unsigned:1`, '--unsigned');
    await push('apparmor.json', `${registry.host}/profiles/apparmor:1`, '--key', 'a.key');
    await policy('policy.yaml', `rules:\n  - {match: "${registry.host}/profiles/**", require: [{key: a.pub}]}\n`);
  });
  after(() => registry.stop());

  const digestOf = async (reference: string): Promise<string> =>
    JSON.parse(succeeded(await fairlead(['inspect', reference, '--output', 'json']))).digest;
  const json = async (args: readonly string[]) => JSON.parse(succeeded(await fairlead([...args, '--output', 'json'])));

  it('is read by each command as its file is, under a key and under a policy', async () => {
    const pinned = `${nginx}:1@${await digestOf(`${nginx}:1`)}`;
    for (const [index, args] of commandsOn(`oci://${nginx}:1`).entries()) {
      const trust = index % 2 === 0 ? ['--key', 'a.pub'] : ['--policy', 'policy.yaml'];
      const byReference = await fairlead([...args, ...trust, '--output', 'json']);
      const byFile = await fairlead([...(commandsOn('p.json')[index] ?? []), '--output', 'json']);
      assert.equal(byReference.stderr, byFile.stderr, args.join(' '));
      assert.equal(
        succeeded(byReference).replaceAll(pinned, 'p.json').replace('name: \\"nginx\\"', 'name: \\"p\\"'),
        // Only the text of a file has places.
        succeeded(byFile).replaceAll(/,\n *"place": \{[^}]*\}/g, ''),
        args.join(' '),
      );
    }
  });

  it('is compared with a file and with another reference, and the result names tag and digest', async () => {
    const found = await json(['diff', `${nginx}:1`, 'looser.json', '--key', 'a.pub']);
    assert.deepEqual(
      [found.from, found.to, found.loosened],
      [`${nginx}:1@${await digestOf(`${nginx}:1`)}`, 'looser.json', true],
    );
    const gate = await fairlead(['diff', `${nginx}:1`, `${nginx}:2`, '--key', 'a.pub', '--fail-on', 'loosened']);
    failed(gate, 1, /^failed: 127.0.0.1:\d+\/profiles\/nginx:2@sha256:\w+ permits what .*nginx:1@sha256:\w+ does not/);
    const linted = await json(['lint', 'p.json', `${registry.host}/profiles/apparmor:1`, '--key', 'a.pub']);
    assert.deepEqual(
      linted.profiles.map(({ kind }: { kind: string }) => kind),
      ['Seccomp', 'AppArmor'],
    );
  });

  it('is refused if nothing specifies what it must meet, before anything is requested', async () => {
    const requests = registry.log.length;
    for (const args of commandsOn(`${nginx}:1`)) {
      const refusal = await fairlead(args);
      failed(refusal, 2, /^error: 127.0.0.1:\d+\/profiles\/nginx:1 is in a registry, and nothing specifies/);
      assert.match(
        refusal.stderr,
        /hint: .*--policy FILE.*--key FILE.*--certificate-identity NAME.*--insecure-unverified/,
      );
      assert.equal(refusal.stdout, '');
    }
    await policy('elsewhere.yaml', 'rules:\n  - {match: "ghcr.io/**", require: [{key: a.pub}]}\n');
    failed(await fairlead(['lint', `${nginx}:1`, '--policy', 'elsewhere.yaml']), 4, /does not allow/);
    assert.equal(registry.log.length, requests);
  });

  it('is refused without a signature, and with one by another signer', async () => {
    const unsigned = `${registry.host}/profiles/unsigned:1`;
    failed(await fairlead(['diff', unsigned, 'p.json', '--key', 'a.pub']), 5, /profiles\/unsigned@sha256:\w+/);
    const { code, stdout, stderr } = await fairlead(['lint', 'p.json', `${nginx}:1`, `${nginx}:2`, '--key', 'b.pub']);
    assert.equal(code, 5);
    assert.match(stdout, /^p\.json: Seccomp/m);
    assert.doesNotMatch(stdout, /nginx/);
    assert.equal(stderr.match(/^failed: .*profiles\/nginx@sha256/gm)?.length, 2);
    assert.match(stderr, /^error: 2 of 3 files could not be read$/m);
  });

  it('is read unverified only if the command line says so, and a note names it', async () => {
    const unsigned = `${registry.host}/profiles/unsigned:1`;
    for (const args of commandsOn(unsigned)) {
      const { code, stdout, stderr } = await fairlead([...args, '--insecure-unverified']);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stdout, /undefined/);
      assert.match(stderr, new RegExp(`^warning: ${unsigned}@sha256:[0-9a-f]{64} is not verified`, 'm'));
    }
    for (const trust of [
      ['--key', 'a.pub'],
      ['--policy', 'policy.yaml'],
    ]) {
      const both = await fairlead(['lint', `${nginx}:1`, '--insecure-unverified', ...trust]);
      failed(both, 2, /--insecure-unverified and options that verify cannot be used together/);
    }
  });

  it('comes from an OCI layout and from a registry with a password', async () => {
    succeeded(
      await fairlead(['push', 'looser.json', 'ghcr.io/acme/nginx:1', '--key', 'a.key', '--oci-layout', 'here']),
    );
    const found = await json(['diff', 'p.json', 'ghcr.io/acme/nginx:1', '--key', 'a.pub', '--oci-layout', 'here']);
    assert.equal(found.loosened, true);
    const shared = await fairlead(
      ['diff', '-', `${nginx}:1`, '--key', 'a.pub', '--username', 'me', '--password-stdin'],
      { input: looser },
    );
    failed(shared, 2, /the profile and --password-stdin cannot both come from stdin/);
  });

  it('needs no option of files, and files need no option of references', async () => {
    for (const option of [
      ['--from', 'runtime'],
      ['--document', 'nginx'],
    ]) {
      const refusal = await fairlead(['lint', `${nginx}:1`, '--key', 'a.pub', ...option]);
      failed(refusal, 2, new RegExp(`^error: ${option[0]} is for files`));
      succeeded(await fairlead(['diff', `${nginx}:1`, 'p.json', '--key', 'a.pub', ...option]));
    }
    const { stderr } = await fairlead(['lint', 'p.json', '--key', 'a.pub']);
    assert.match(stderr, /^note: nothing was verified: no profile comes from a registry$/m);
    // A policy in the environment is for whatever needs one.
    const env = { FAIRLEAD_POLICY: 'policy.yaml' };
    assert.equal((await fairlead(['lint', 'p.json'], { env })).stderr, '');
    succeeded(await fairlead(['lint', `${nginx}:1`], { env }));
  });

  it('whose name is also that of a file is the file, and a note names the reference', async () => {
    await mkdir(join(folder, 'ghcr.io/acme'), { recursive: true });
    await writeFile(join(folder, 'ghcr.io/acme/nginx:1'), looser);
    const { stdout, stderr } = await fairlead(['lint', 'ghcr.io/acme/nginx:1', '--key', 'a.pub']);
    assert.match(stdout, /^ghcr\.io\/acme\/nginx:1: Seccomp/m);
    assert.match(
      stderr,
      /^note: ghcr\.io\/acme\/nginx:1 is read as a file; oci:\/\/ghcr\.io\/acme\/nginx:1 is the reference$/m,
    );
    assert.match(stderr, /^note: nothing was verified/m);
    const missing = await fairlead(['lint', 'ghcr.io/acme/nginx']);
    failed(missing, 2, /^error: cannot read ghcr.io\/acme\/nginx\n/);
    assert.match(missing.stderr, /hint: .*oci:\/\/REGISTRY\/REPOSITORY:TAG/);
    failed(await fairlead(['lint', 'missing.json']), 2, /hint: There is no such file or directory\. Check the path/);
  });

  it('is resolved once, so a tag that moves or vanishes meanwhile changes nothing', async (t) => {
    const proxy = await startRefusingProxy(registry.port);
    t.after(() => proxy.stop());
    let resolved = 0;
    proxy.set(({ url }) => (url?.endsWith('/manifests/1') && resolved++ > 0 ? { status: 404 } : undefined));
    const args = ['diff', `${proxy.host}/profiles/nginx:1`, 'looser.json', '--key', 'a.pub'];
    succeeded(await fairlead(args));
    assert.equal(resolved, 1);
    // Each manifest and the profile are requested once.
    const requests = proxy.seen.filter((line) => / 200$/.test(line) && !line.includes('/v2/ '));
    assert.equal(new Set(requests).size, requests.length, requests.join('\n'));
  });

  it('that vanishes between two reads is an error that names it', async (t) => {
    const proxy = await startRefusingProxy(registry.port);
    t.after(() => proxy.stop());
    const reference = `${proxy.host}/profiles/nginx:1`;
    for (const gone of ['/manifests/1', '/blobs/']) {
      proxy.set(({ url }) => (url?.includes(gone) ? { status: 404 } : undefined));
      failed(
        await fairlead(['lint', reference, '--insecure-unverified']),
        7,
        new RegExp(`${proxy.host}/profiles/nginx`),
      );
    }
    const absent = await fairlead(['lint', `${registry.host}/profiles/absent:1`, '--key', 'a.pub']);
    failed(absent, 7, new RegExp(`^error: no tag 1 in ${registry.host}/profiles/absent$`, 'm'));
  });

  it('of something else, or of too much, is refused by name', async () => {
    const target = remoteRepository({ registry: registry.host, repository: 'profiles/odd' });
    const publish = async (
      tag: string,
      config: string,
      layer: Descriptor & { bytes: Uint8Array },
      claimed?: number,
    ) => {
      const { bytes, ...of } = layer;
      const configBlob = blob(config, Buffer.from('{}'));
      const artifact = assembleArtifact(
        {
          schemaVersion: 2,
          mediaType: mediaTypes.manifest,
          config: configBlob.descriptor,
          layers: [claimed === undefined ? of : { ...of, size: claimed }],
        },
        [configBlob, { descriptor: of, bytes }],
      );
      await pushArtifact(target, artifact, undefined, tag);
    };
    const layerOf = (bytes: Uint8Array) => {
      const { descriptor } = blob('application/json', bytes);
      return { ...descriptor, bytes };
    };
    await publish('image', 'application/vnd.oci.image.config.v1+json', layerOf(Buffer.from('x')));
    await publish('huge', seccompType, layerOf(Buffer.alloc(2 * 1024 * 1024, ' ')));
    await publish('broken', seccompType, layerOf(Buffer.from('{"defaultAction":')));
    const read = (tag: string) => fairlead(['lint', `${registry.host}/profiles/odd:${tag}`, '--insecure-unverified']);
    failed(await read('image'), 3, /^error: 127\S+\/profiles\/odd:image: sha256:\w+ is not a security profile/);
    failed(await read('huge'), 3, /profiles\/odd:huge: profile in sha256:\w+ has 2097152 bytes, more than the 1048576/);
    failed(await read('broken'), 3, /profiles\/odd:broken: .*not valid JSON/);
  });

  it('that other clients made is read too', async () => {
    const reference = `${registry.host}/profiles/oras:1`;
    const pushed = await run(
      peer('oras'),
      ['push', '--plain-http', reference, '--artifact-type', seccompType, 'looser.json:application/json'],
      { cwd: folder, env: { HOME: folder } },
    );
    assert.equal(pushed.code, 0, pushed.stderr);
    const cosign = (...args: string[]) =>
      run(peer('cosign'), args, { cwd: folder, env: { HOME: folder, COSIGN_PASSWORD: '' } });
    succeeded(await cosign('generate-key-pair', '--output-key-prefix', 'c'));
    const unlogged = ['--use-signing-config=false', '--tlog-upload=false', '--allow-http-registry'];
    succeeded(await cosign('sign', '--yes', '--key', 'c.key', ...unlogged, reference));
    assert.equal((await json(['diff', 'p.json', reference, '--key', 'c.pub'])).loosened, true);
  });
});

describe('pull and verify', () => {
  it('take one of a policy, a key and an identity', async () => {
    for (const command of ['pull', 'verify']) {
      const reference = 'ghcr.io/acme/nginx:1';
      failed(
        await fairlead([command, reference]),
        2,
        /nothing specifies what the profile must meet\nhint: Use --policy/,
      );
      const both = await fairlead([command, reference, '--policy', 'policy.yaml', '--key', 'a.pub']);
      failed(both, 2, /--policy and --key cannot be used together/);
      const root = await fairlead([command, reference, '--policy', 'policy.yaml', '--trusted-root', 'root.json']);
      failed(root, 2, /--policy and --trusted-root cannot be used together/);
      const half = await fairlead([command, reference, '--certificate-identity', 'me@acme.example']);
      failed(half, 2, /--certificate-identity needs --certificate-oidc-issuer/);
      const unverified = await fairlead([command, reference, '--insecure-unverified']);
      failed(unverified, 2, /unknown option '--insecure-unverified'/);
    }
  });
});
