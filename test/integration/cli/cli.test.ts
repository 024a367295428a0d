import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { generateKeyPair } from '#lib/trust/keys/key';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type RunOptions, run, runFairlead, succeeded } from '#test/support/cli/run';

const profile =
  '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}\n';
const configType = 'application/vnd.cncf.seccomp-profile.config.v1+json';

/** Runs fairlead, and gives what it printed as JSON; fails where it failed. */
async function fairlead(args: readonly string[], options: RunOptions) {
  const { code, stdout, stderr } = await runFairlead([...args, '--output', 'json'], options);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** A policy with one rule, in YAML's flow form. */
async function writePolicy(file: string, rule: string): Promise<void> {
  await writeFile(file, `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - ${rule}\n`);
}

describePeers(['docker-registry', 'oras', 'crane', 'skopeo', 'cosign'], 'fairlead, among the tools of others', () => {
  let cwd = '';
  let registry: Registry;
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-cli-'));
    registry = await startRegistry();
    await writeFile(join(cwd, 'nginx.json'), profile);
    const env = { FAIRLEAD_PASSPHRASE: 'secret' };
    assert.equal((await runFairlead(['keygen'], { cwd, env })).code, 0);
    await writePolicy(join(cwd, 'policy.yaml'), `{match: ${registry.host}/**, require: [{key: fairlead.pub}]}`);
    await writePolicy(join(cwd, 'unsigned.yaml'), `{match: ${registry.host}/**, unsigned: true}`);
    await writeFile(join(cwd, 'deny.yaml'), '');
  });
  after(async () => {
    await registry.stop();
    await rm(cwd, { recursive: true });
  });

  const tool = async (name: 'oras' | 'crane' | 'skopeo' | 'cosign', ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(peer(name), args, {
      cwd,
      env: { HOME: cwd, COSIGN_PASSWORD: 'secret' },
    });
    assert.equal(code, 0, `${name} ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const push = (reference: string, ...args: string[]) =>
    fairlead(['push', 'nginx.json', reference, '--key', 'fairlead.key', ...args], {
      cwd,
      env: { COSIGN_PASSWORD: 'secret' },
    });

  it('pushes what oras, crane and skopeo read, in the layout of KEP-6061', async () => {
    const reference = `${registry.host}/security/nginx:1.27`;
    const published = await push(
      reference,
      '--annotation',
      'org.opencontainers.image.source=https://example.com/profiles',
    );
    assert.equal(published.reference, `${registry.host}/security/nginx@${published.digest}`);
    const read = [
      await tool('oras', 'manifest', 'fetch', '--plain-http', reference),
      await tool('crane', 'manifest', '--insecure', reference),
      await tool('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${reference}`),
    ];
    for (const text of read) {
      const manifest = JSON.parse(text);
      assert.equal(manifest.mediaType, 'application/vnd.oci.image.manifest.v1+json');
      assert.equal(manifest.config.mediaType, configType);
      assert.equal(manifest.artifactType, configType);
      assert.equal(manifest.layers.length, 1);
      assert.equal(manifest.layers[0].annotations['org.opencontainers.image.title'], 'profile.json');
      assert.equal(manifest.annotations['org.opencontainers.image.source'], 'https://example.com/profiles');
    }
    assert.equal(await tool('oras', 'resolve', '--plain-http', reference), `${published.digest}\n`);
    await tool('oras', 'pull', '--plain-http', '--output', 'pulled', reference);
    assert.equal(await readFile(join(cwd, 'pulled/profile.json'), 'utf8'), profile);
  });

  it('pushes and pulls AppArmor profiles in the same layout', async () => {
    const reference = `${registry.host}/security/armor:1`;
    const armor = '{"filesystem": {"readOnlyPaths": ["/etc/nginx/**"]}, "network": {}}\n';
    await writeFile(join(cwd, 'armor.json'), armor);
    const args = ['push', 'armor.json', reference, '--title', 'armor.json', '--key', 'fairlead.key'];
    assert.equal((await fairlead(args, { cwd, env: { COSIGN_PASSWORD: 'secret' } })).kind, 'AppArmor');
    const manifest = JSON.parse(await tool('oras', 'manifest', 'fetch', '--plain-http', reference));
    const armorType = 'application/vnd.cncf.apparmor-profile.config.v1+json';
    assert.deepEqual([manifest.config.mediaType, manifest.artifactType], [armorType, armorType]);
    await tool('oras', 'pull', '--plain-http', '--output', 'pulled', reference);
    assert.equal(await readFile(join(cwd, 'pulled/armor.json'), 'utf8'), armor);
    const pull = ['pull', reference, '--policy', 'policy.yaml'];
    assert.equal((await runFairlead([...pull, '--kind', 'apparmor'], { cwd })).stdout, armor);
    const asSeccomp = await runFairlead(pull, { cwd });
    assert.equal(asSeccomp.code, 3);
    assert.match(asSeccomp.stderr, /of kind AppArmor, not Seccomp/);
  });

  it('signs what cosign verifies', async () => {
    const { reference } = await push(`${registry.host}/security/signed:1`);
    const verified = await tool(
      'cosign',
      'verify',
      '--key',
      'fairlead.pub',
      '--insecure-ignore-tlog',
      '--allow-http-registry',
      reference,
    );
    assert.match(verified, /sha256:/);
  });

  it('pulls what oras pushed if a rule allows it unsigned, and what cosign signed if a rule requires the key', async () => {
    const reference = `${registry.host}/security/by-oras:1`;
    await tool(
      'oras',
      'push',
      '--plain-http',
      '--artifact-type',
      configType,
      '--config',
      `/dev/null:${configType}`,
      reference,
      'nginx.json',
    );
    const unsigned = await runFairlead(['pull', reference, '--policy', 'unsigned.yaml'], { cwd });
    assert.deepEqual(unsigned, { code: 0, stdout: profile, stderr: '' });
    assert.equal((await runFairlead(['pull', reference, '--policy', 'policy.yaml'], { cwd })).code, 5);

    const digest = (await tool('oras', 'resolve', '--plain-http', reference)).trim();
    await tool('cosign', 'signing-config', 'create', '--out', 'signing-config.json');
    const pinned = `${registry.host}/security/by-oras@${digest}`;
    await tool(
      'cosign',
      'sign',
      '--yes',
      '--key',
      'fairlead.key',
      '--signing-config',
      'signing-config.json',
      '--allow-http-registry',
      pinned,
    );
    const verification = (await fairlead(['verify', reference, '--policy', 'policy.yaml'], { cwd })).verification;
    assert.equal(verification.rule, `${registry.host}/**`);
    assert.equal(verification.signatures[0].key, 'fairlead.pub');
  });

  it('reports each refusal by exit code and message', async () => {
    const signed = `${registry.host}/security/refusals:signed`;
    await push(signed);
    const unsigned = `${registry.host}/security/refusals:unsigned`;
    assert.equal(
      (await runFairlead(['push', 'nginx.json', unsigned, '--title', 'other.json', '--unsigned'], { cwd })).code,
      0,
    );
    const foreign = `${registry.host}/security/refusals:foreign`;
    await tool('oras', 'push', '--plain-http', '--artifact-type', 'application/x-other', foreign, 'nginx.json');
    const cases: readonly [string, string, number, RegExp][] = [
      [signed, 'deny.yaml', 4, /deny\.yaml does not allow Seccomp profiles from .*\nhint: /],
      [unsigned, 'policy.yaml', 5, /no signature|not signed/i],
      [foreign, 'unsigned.yaml', 3, /application\/x-other/],
      [`${registry.host}/security/nothing:1`, 'policy.yaml', 7, /security\/nothing/],
      ['nginx', 'policy.yaml', 2, /invalid reference/],
    ];
    for (const [reference, policy, code, message] of cases) {
      const finished = await runFairlead(['pull', reference, '--policy', policy, '--file', 'never.json'], { cwd });
      assert.equal(finished.code, code, `${reference}: ${finished.stderr}`);
      assert.match(finished.stderr, /^error: /);
      assert.match(finished.stderr, message);
      assert.equal(finished.stdout, '');
    }
    assert.ok(!(await readdir(cwd)).some((name) => name.startsWith('never.json')));
  });

  it('shows what the registry has, marked as unverified', async () => {
    const reference = `${registry.host}/security/inspected:1`;
    const published = await push(reference);
    const inspected = await fairlead(['inspect', reference], { cwd });
    assert.equal(inspected.verified, false);
    assert.equal(inspected.digest, published.digest);
    assert.equal(inspected.content.config.mediaType, configType);
    assert.deepEqual(inspected.signatures, [{ format: 'bundle', manifest: published.signature }]);
    const text = await runFairlead(['inspect', reference], { cwd });
    assert.match(text.stdout, /^unverified: /);
    assert.match(text.stdout, new RegExp(`signature +${published.signature} +bundle, unverified`));
  });
});

describePeers(['docker-registry'], 'fairlead, at a registry that asks who is there', () => {
  const user = { username: 'ci', password: 'pass:word' };
  let cwd = '';
  let registry: Registry;
  let reference = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-cli-'));
    registry = await startRegistry({ user });
    reference = `${registry.host}/security/nginx:1`;
    await writeFile(join(cwd, 'nginx.json'), profile);
    await writePolicy(join(cwd, 'policy.yaml'), `{match: ${registry.host}/**, unsigned: true}`);
  });
  after(async () => {
    await registry.stop();
    await rm(cwd, { recursive: true });
  });

  it('logs in with --username and the password on stdin', async () => {
    const args = ['push', 'nginx.json', reference, '--unsigned', '--username', user.username, '--password-stdin'];
    const right = await runFairlead(args, { cwd, input: `${user.password}\n` });
    assert.equal(right.code, 0, right.stderr);
    const wrong = await runFairlead(args, { cwd, input: 'wrong\n' });
    assert.equal(wrong.code, 6);
    assert.doesNotMatch(wrong.stderr, /wrong/);
  });

  it('logs in with the credentials of the Docker configuration', async () => {
    const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
    await mkdir(join(cwd, 'docker'));
    await writeFile(join(cwd, 'docker/config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const args = ['pull', reference, '--policy', 'policy.yaml'];
    assert.equal((await runFairlead(args, { cwd, env: { DOCKER_CONFIG: join(cwd, 'docker') } })).stdout, profile);
    assert.equal((await runFairlead(args, { cwd })).code, 6);
  });

  it('refuses a user name without a password, and a password without a user name', async () => {
    for (const half of [['--username', 'ci'], ['--password-stdin']]) {
      const { code, stderr } = await runFairlead(['pull', reference, '--policy', 'policy.yaml', ...half], { cwd });
      assert.equal(code, 2);
      assert.match(stderr, /must be used together/);
    }
  });
});

describe('fairlead, with an OCI layout directory instead of a registry', () => {
  const reference = 'registry.example.com/security/nginx:1.27';
  const layout = ['--oci-layout', 'registry'];
  let cwd = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-cli-'));
    await writeFile(join(cwd, 'nginx.json'), profile);
    await runFairlead(['keygen'], { cwd });
    await writePolicy(
      join(cwd, 'policy.yaml'),
      '{match: registry.example.com/security/**, require: [{key: fairlead.pub}]}',
    );
  });
  after(() => rm(cwd, { recursive: true }));

  it('pushes and pulls with the same references', async () => {
    const published = await fairlead(['push', 'nginx.json', reference, '--key', 'fairlead.key', ...layout], { cwd });
    const pulled = await fairlead(['pull', reference, '--policy', 'policy.yaml', '--file', 'out.json', ...layout], {
      cwd,
    });
    assert.equal(pulled.digest, published.digest);
    assert.equal(pulled.file, 'out.json');
    assert.equal(await readFile(join(cwd, 'out.json'), 'utf8'), profile);
    const whole = await fairlead(['pull', reference, '--policy', 'policy.yaml', ...layout], { cwd });
    assert.deepEqual(whole.profile, JSON.parse(profile));
  });

  it('shows which rule, signature and key allowed a profile', async () => {
    await fairlead(['push', 'nginx.json', reference, '--key', 'fairlead.key', ...layout], { cwd });
    const { code, stdout } = await runFairlead(['verify', reference, '--policy', 'policy.yaml', ...layout], { cwd });
    assert.equal(code, 0);
    for (const line of [
      /^rule +registry\.example\.com\/security\/\*\*$/m,
      /^signature +sha256:/m,
      /^key +fairlead\.pub \(SHA-256 /m,
    ]) {
      assert.match(stdout, line);
    }
  });

  it('shows the tag of what was pushed, or that no tag was given', async () => {
    const [repository = '', tag] = reference.split(/:(?=[^/:]*$)/);
    const push = (to: string, ...args: string[]) =>
      runFairlead(['push', 'nginx.json', to, '--key', 'fairlead.key', ...layout, ...args], { cwd });
    assert.match(succeeded(await push(reference)), new RegExp(`^tag {8}${tag}$`, 'm'));
    const untagged = succeeded(await push(repository));
    const [, pinned = ''] = /^tag {8}none; to add one: fairlead tag (\S+) TAG --oci-layout \S+$/m.exec(untagged) ?? [];
    succeeded(await runFairlead(['tag', pinned, 'later', ...layout], { cwd }));
    assert.equal(JSON.parse(succeeded(await push(reference, '--output', 'json'))).tag, tag);
    assert.equal(JSON.parse(succeeded(await push(repository, '--output', 'json'))).tag, null);
  });

  it('takes the profile from stdin', async () => {
    const args = ['push', '-', 'registry.example.com/security/stdin:1', '--key', 'fairlead.key', ...layout];
    const published = await fairlead(args, { cwd, input: profile });
    assert.equal(published.kind, 'Seccomp');
  });

  it('reports that a registry is unreachable', async () => {
    await writePolicy(join(cwd, 'unsigned.yaml'), '{match: "**", unsigned: true}');
    // Nothing listens on the lowest port.
    const { code, stderr } = await runFairlead(['pull', '127.0.0.1:1/nginx:1', '--policy', 'unsigned.yaml'], { cwd });
    assert.equal(code, 8);
    assert.match(stderr, /^error: .*127\.0\.0\.1:1/);
  });

  it('does not touch the file if the pull is refused', async () => {
    await writeFile(join(cwd, 'kept.json'), 'old');
    const args = [
      'pull',
      'registry.example.com/other/nginx:1',
      '--policy',
      'policy.yaml',
      '--file',
      'kept.json',
      ...layout,
    ];
    assert.equal((await runFairlead(args, { cwd })).code, 4);
    assert.equal(await readFile(join(cwd, 'kept.json'), 'utf8'), 'old');
  });

  it('returns the same digest again, unless SOURCE_DATE_EPOCH is set', async () => {
    const push = (tag: string, env: Record<string, string>) =>
      fairlead(['push', 'nginx.json', tag, '--unsigned', ...layout], { cwd, env });
    const dating = { SOURCE_DATE_EPOCH: '1700000000' };
    const [first, second] = [await push(reference, {}), await push(reference, {})];
    assert.equal(first.digest, second.digest);
    assert.notEqual((await push(`${reference}-dated`, dating)).digest, first.digest);
    // What a tag holds is not replaced for another time.
    assert.equal((await push(reference, dating)).digest, first.digest);
  });

  it('publishes nothing unsigned by accident, and nothing invalid', async () => {
    const unsigned = await runFairlead(['push', 'nginx.json', reference, ...layout], { cwd });
    assert.equal(unsigned.code, 2);
    assert.match(unsigned.stderr, /no key or identity to sign with\nhint: .*--unsigned/);
    await writeFile(join(cwd, 'bad.json'), '{\n  "defaultAction": "SCMP_ACT_DENY"\n}');
    const invalid = await runFairlead(['push', 'bad.json', reference, '--unsigned', ...layout], { cwd });
    assert.equal(invalid.code, 3);
    assert.match(invalid.stderr, /^error: bad\.json:2:\d+: defaultAction: /);
  });

  it('opens an encrypted key with the passphrase from a file or the environment only', async () => {
    await writeFile(join(cwd, 'passphrase'), 'open sesame\n');
    await runFairlead(['keygen', '--prefix', 'locked', '--passphrase-file', 'passphrase'], { cwd });
    const args = ['push', 'nginx.json', reference, '--key', 'locked.key', ...layout];
    assert.equal((await runFairlead([...args, '--passphrase-file', 'passphrase'], { cwd })).code, 0);
    assert.equal((await runFairlead(args, { cwd, env: { FAIRLEAD_PASSPHRASE: 'open sesame' } })).code, 0);
    const without = await runFairlead(args, { cwd });
    assert.equal(without.code, 2);
    assert.match(without.stderr, /locked\.key: .*encrypted(.|\n)*hint: .*FAIRLEAD_PASSPHRASE/);
    const empty = await runFairlead(args, { cwd, env: { FAIRLEAD_PASSPHRASE: '', COSIGN_PASSWORD: 'open sesame' } });
    assert.equal(empty.code, 2);
    assert.match(
      empty.stderr,
      /locked\.key: cannot decrypt .*: FAIRLEAD_PASSPHRASE is empty\nhint: .*unset it to use COSIGN_/,
    );
    assert.equal((await runFairlead(args, { cwd, env: { COSIGN_PASSWORD: 'wrong' } })).code, 2);
  });

  it('opens a key that cosign locked with an empty password', async () => {
    await writeFile(join(cwd, 'hardly.key'), (await generateKeyPair({ passphrase: '' })).privateKey);
    await writeFile(join(cwd, 'no-passphrase'), '');
    const args = ['push', 'nginx.json', reference, '--key', 'hardly.key', ...layout];
    const { code, stderr } = await runFairlead([...args, '--passphrase-file', 'no-passphrase'], { cwd });
    assert.equal(code, 0, stderr);
  });
});
