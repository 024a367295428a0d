import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { parseReference } from '#lib/registry/reference';
import { privateSigstore } from '#test/support/sigstore/private-sigstore';
import { startTufRepository } from '#test/support/sigstore/tuf-repository';
import { generateKeyPair, loadPublicKey } from '../keys/key.ts';
import { authorize } from './authorize.ts';
import { loadPolicy } from './load-policy.ts';

const head = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n';
const withKey = `${head}rules:\n  - match: a.b/**\n    require: [{key: keys/release.pub}]\n`;
const withBaseline = `${withKey}baseline: {seccomp: base.json}\n`;

let directory: string;
let path: string;
let publicKey: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fairlead-policy-'));
  path = join(directory, 'policy.yaml');
  await mkdir(join(directory, 'keys'));
  ({ publicKey } = await generateKeyPair());
  await writeFile(join(directory, 'keys', 'release.pub'), publicKey);
  await writeFile(join(directory, 'base.json'), '{"defaultAction":"SCMP_ACT_ALLOW"}');
});
afterEach(() => rm(directory, { recursive: true }));

async function revisionOf(text: string): Promise<string> {
  await writeFile(path, text);
  return (await loadPolicy(path)).revision;
}

async function refuses(text: string, message: RegExp): Promise<void> {
  await writeFile(path, text);
  await assert.rejects(loadPolicy(path), (error) => {
    assert.ok(error instanceof FairleadError, String(error));
    assert.equal(error.kind, 'InvalidInput');
    assert.match(error.message, message);
    return true;
  });
}

describe('loadPolicy', () => {
  it('reads the key and baseline files that the policy names', async () => {
    await writeFile(path, withBaseline);
    const policy = await loadPolicy(path);
    assert.equal(policy.source, path);
    const [requirement] = policy.rules[0]?.require ?? [];
    assert.equal(requirement?.anyOf[0]?.key, 'keys/release.pub');
    assert.equal(requirement?.anyOf[0]?.publicKey.fingerprint, loadPublicKey(publicKey).fingerprint);
    assert.deepEqual(policy.baseline, { seccomp: { defaultAction: 'SCMP_ACT_ALLOW' }, apparmor: 'RuntimeDefault' });
    assert.deepEqual(policy.limits, defaultPublicationLimits);
  });

  it('reads a baseline of AppArmor, and refuses one of another kind', async () => {
    const text = `${withKey}baseline: {apparmor: apparmor.json}\n`;
    const file = join(directory, 'apparmor.json');
    await writeFile(path, text);
    await writeFile(file, '{"capability": {"allowedCapabilities": ["chown"]}}');
    const { baseline } = await loadPolicy(path);
    assert.deepEqual(baseline, {
      seccomp: 'RuntimeDefault',
      apparmor: { mode: 'Enforce', capability: { allowedCapabilities: ['chown'] } },
    });
    await writeFile(file, '{"defaultAction": "SCMP_ACT_ERRNO"}');
    await assert.rejects(loadPolicy(path), {
      kind: 'InvalidInput',
      message: /apparmor\.json: it is a profile of kind Seccomp, not AppArmor/,
    });
    await rm(file);
  });

  it('refuses a baseline that runtimes would read differently, with a hint', async () => {
    await writeFile(path, withBaseline);
    const before = await readFile(join(directory, 'base.json'));
    try {
      const entry = { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_PTRACE'] } };
      await writeFile(
        join(directory, 'base.json'),
        JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [entry] }),
      );
      await assert.rejects(loadPolicy(path), {
        kind: 'InvalidInput',
        message: /base\.json: profile:1:\d+: "\/syscalls\/0\/includes" belongs to the form of Docker/,
        hint: /fairlead convert --to runtime FILE/,
      });
      await writeFile(join(directory, 'base.json'), '{"defaultAction":"SCMP_ACT_ERRNO","a":1,"b":2}');
      await assert.rejects(loadPolicy(path), /unknown member "\/a".*\n {2}profile:1:41: unknown member "\/b"/);
    } finally {
      await writeFile(join(directory, 'base.json'), before);
    }
  });

  it('denies everything if the file is empty or missing, and reports which', async () => {
    const reference = parseReference('a.b/c:v1');
    await writeFile(path, '');
    const empty = await loadPolicy(path);
    assert.throws(() => authorize(empty, reference, 'Seccomp'), /policy\.yaml does not allow .*it has no rules/);
    const missing = await loadPolicy(join(directory, 'none.yaml'));
    assert.throws(() => authorize(missing, reference, 'Seccomp'), /none\.yaml \(which does not exist\) does not allow/);
  });

  it('returns another revision if and only if the policy, a key or the baseline changes', async () => {
    const first = await revisionOf(withBaseline);
    assert.equal(await revisionOf(withBaseline), first);
    const seen = new Set([first]);
    const differs = async (text: string): Promise<void> => {
      const revision = await revisionOf(text);
      assert.ok(!seen.has(revision));
      seen.add(revision);
    };
    await differs(`${withBaseline}# changed\n`);
    await differs(withKey);
    await writeFile(join(directory, 'base.json'), '{"defaultAction":"SCMP_ACT_LOG"}');
    await differs(withBaseline);
    await writeFile(join(directory, 'keys', 'release.pub'), (await generateKeyPair()).publicKey);
    await differs(withBaseline);
    await differs('');
  });

  it('reads the trusted root for keyless requirements, and for keys that need a log', async () => {
    const sigstore = await privateSigstore();
    await writeFile(join(directory, 'root.json'), JSON.stringify(sigstore.trustedRoot));
    const text = `${head}trustedRoot: root.json
rules:
  - match: a.b/**
    require:
      - keyless: {issuer: https://issuer.example, identity: https://example.com/signer}
      - key: keys/release.pub
    transparencyLog: required
`;
    for (const [use, ofKey] of [
      ['off', undefined],
      ['optional', 'optional'],
      ['required', 'required'],
    ] as const) {
      await writeFile(path, text.replace('Log: required', `Log: ${use}`));
      const { rules } = await loadPolicy(path);
      assert.deepEqual(
        rules[0]?.require.map(({ anyOf }) => anyOf[0]?.log?.use),
        [use, ofKey],
      );
    }
    const first = await revisionOf(text);
    const other = await privateSigstore();
    await writeFile(join(directory, 'root.json'), JSON.stringify(other.trustedRoot));
    assert.notEqual(await revisionOf(text), first);
    await refuses(text.replace('root.json', 'base.json'), /policy\.yaml:3:14: base\.json: not a Sigstore trusted root/);
    await refuses(text.replace('root.json', 'none.json'), /policy\.yaml:3:14: none\.json does not exist/);
  });

  it('gets the trusted root from a TUF repository, and keeps it for use without a network', async () => {
    const sigstore = await privateSigstore();
    const server = await startTufRepository({ 'trusted_root.json': JSON.stringify(sigstore.trustedRoot) });
    process.env['XDG_CACHE_HOME'] = join(directory, 'cache');
    try {
      await writeFile(join(directory, 'root.json'), server.root);
      const text = `${head}trustedRoot: {tuf: "${server.url}", root: root.json}
rules:
  - match: a.b/**
    require: [{keyless: {issuer: https://issuer.example, identity: https://example.com/signer}}]
`;
      const first = await revisionOf(text);
      const [rule] = (await loadPolicy(path)).rules;
      assert.equal(rule?.require[0]?.anyOf[0]?.log?.use, 'required');
      await server.stop();
      assert.equal(await revisionOf(text), first);
      await writeFile(join(directory, 'root.json'), 'another root');
      await assert.rejects(loadPolicy(path), { kind: 'Unavailable', message: /cannot get trusted_root\.json/ });
    } finally {
      delete process.env['XDG_CACHE_HOME'];
      await server.stop();
    }
  });

  it('reads thresholds and attestations with their keys', async () => {
    const text = `${withKey}    attestations: [{type: cyclonedx, by: {anyOf: [{key: keys/release.pub}, {key: keys/b.pub}], threshold: 2}}]\n`;
    await refuses(text, /policy\.yaml:6:82: keys\/b\.pub does not exist/);
    await writeFile(join(directory, 'keys', 'b.pub'), (await generateKeyPair()).publicKey);
    const first = await revisionOf(text);
    const [attestation] = (await loadPolicy(path)).rules[0]?.attestations ?? [];
    assert.equal(attestation?.type, 'https://cyclonedx.org/bom');
    assert.equal(attestation?.by?.threshold, 2);
    assert.deepEqual(
      attestation?.by?.anyOf.map(({ key }) => key),
      ['keys/release.pub', 'keys/b.pub'],
    );
    await writeFile(join(directory, 'keys', 'b.pub'), (await generateKeyPair()).publicKey);
    assert.notEqual(await revisionOf(text), first);
  });

  it('refuses a missing or invalid file, and reports where the policy names it', async () => {
    await refuses(withKey.replace('release', 'other'), /policy\.yaml:5:21: keys\/other\.pub does not exist/);
    // The hint has the absolute path, even if the policy was named by a relative one.
    await assert.rejects(loadPolicy(relative(process.cwd(), path)), (error) => {
      assert.ok(error instanceof FairleadError);
      assert.ok(error.hint?.endsWith(`relative to the directory of the policy: ${directory}`), error.hint);
      return true;
    });
    await refuses(withBaseline.replace('base.json', 'keys'), /policy\.yaml:6:21: keys cannot be read/);
    await refuses(withKey.replace('keys/release.pub', 'base.json'), /policy\.yaml:5:21: base\.json: not a public key/);
    await refuses(withBaseline.replace('base.json', 'keys/release.pub'), /:6:21: keys\/release\.pub: .*:1:1/);
    await refuses('rules: [', /policy\.yaml:1:/);
  });

  it('refuses a policy that is a directory', async () => {
    await assert.rejects(loadPolicy(directory), /the policy cannot be read/);
  });
});
