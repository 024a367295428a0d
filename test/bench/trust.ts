import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Rule } from '#lib/trust/policy/policy';
import { readTrustedRoot } from '#lib/trust/roots/read-trusted-root';
import { keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import type { Signature } from '#lib/trust/signature/signature';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';
import { peer } from '#test/peers/peer';
import { startRegistry } from '#test/peers/registry';
import { startServe } from '#test/support/cli/serve';
import { privateSigstore } from '#test/support/sigstore/private-sigstore';
import { commonProfile } from './common-profile.ts';
import { unpackPackage } from './installed-programs.ts';
import { median } from './samples.ts';

const calls = 2000;
const rounds = 9;
const token = 'a-token-for-the-bench-only';
const issuer = 'https://issuer.example';
const identity = 'https://example.com/signer';

/**
 * What trust costs: the verification of one signature in a warm process, and whole commands (push,
 * sign and verify) beside `oras push`, `cosign sign` and `cosign verify`, in the same registry. All
 * open the same encrypted key, where nothing else is said; ours also lint, fetch and check the
 * profile.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const artifact: Descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(Buffer.from('artifact')), size: 8 };
  const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  const { publicKey } = signer.key;
  const keyRule: Rule = { match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey }] }] };
  report(`verify a bundle made with a key: ${time(artifact, await signArtifact(artifact, signer), keyRule)}`);

  const sigstore = await privateSigstore();
  const root = readTrustedRoot(Buffer.from(JSON.stringify(sigstore.trustedRoot)));
  const keyless = { issuer: { exact: issuer }, identity: { exact: identity }, claims: {} };
  const log = { use: 'required', root } as const;
  const bundle = Buffer.from(JSON.stringify(await sigstore.sign(artifact, { issuer, identity })));
  const keylessRule: Rule = { match: '**', unsigned: false, require: [{ anyOf: [{ keyless, log }] }] };
  report(`verify a keyless bundle, with certificate and log: ${time(artifact, bundle, keylessRule)}`);

  await commands(report);
}

function time(artifact: Descriptor, bundle: Uint8Array, rule: Rule): string {
  const reference = { registry: 'registry.example.com', repository: 'security/nginx' };
  const signatures: Signature[] = [{ format: 'bundle', manifest: artifact.digest, bundle }];
  const times: number[] = [];
  for (let call = 0; call < calls * 1.2; call++) {
    const begun = performance.now();
    verifySignatures(artifact, reference, signatures, rule);
    times.push(performance.now() - begun);
  }
  const sorted = times.slice(calls * 0.2).sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(3);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

/**
 * Whole commands, in turns: programs started one after the other, or curl where `fairlead serve`
 * stands by.
 */
async function commands(report: (line: string) => void): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-bench-trust-'));
  const registry = await startRegistry();
  const env = { HOME: directory, COSIGN_PASSWORD: 'secret', FAIRLEAD_PUSH_TOKEN: token };
  const run = (command: string, ...args: string[]): void => {
    const options = { cwd: directory, encoding: 'utf8', env: { PATH: process.env['PATH'], ...env } } as const;
    const { status, stderr } = spawnSync(command, args, options);
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  };
  const cosign = (...args: string[]): void => run(peer('cosign'), ...args, '--allow-http-registry');
  const launcher = await unpackPackage(directory);
  const fairlead = (...args: string[]): void => run(process.execPath, launcher, ...args);
  try {
    await writeFile(join(directory, 'nginx.json'), commonProfile());
    await writeFile(join(directory, 'policy.yaml'), keyPolicyText('fairlead.pub'));
    // The key is encrypted, as cosign wants it: both open the same file. Ours may also come as CI
    // keeps its secrets, without a passphrase.
    fairlead('keygen');
    const { privateKey, publicKey } = await generateKeyPair();
    await writeFile(join(directory, 'plain.key'), privateKey);
    await writeFile(join(directory, 'plain.pub'), publicKey);
    await writeFile(join(directory, 'plain.yaml'), keyPolicyText('plain.pub'));
    run(peer('cosign'), 'signing-config', 'create', '--out', 'offline.json');
    const services = await startServe(
      ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0', '--policy', 'policy.yaml', '--key', 'fairlead.key'],
      { cwd: directory, env, program: launcher },
    );
    const curl = (url: string, reference: string, ...args: string[]): void =>
      run('curl', '--silent', '--fail', '--output', '/dev/null', ...args, `${url}/v1/profiles?reference=${reference}`);
    const headers = ['--header', `Authorization: Bearer ${token}`, '--header', 'Content-Type: application/json'];
    const contenders = {
      'fairlead push --key, verify': (reference: string) => {
        fairlead('push', 'nginx.json', reference, '--key', 'fairlead.key');
        fairlead('verify', reference, '--key', 'fairlead.pub');
      },
      'fairlead push --key --policy (signs, reads back and verifies)': (reference: string) =>
        fairlead('push', 'nginx.json', reference, '--key', 'fairlead.key', '--policy', 'policy.yaml'),
      'the same with a key that has no passphrase': (reference: string) =>
        fairlead('push', 'nginx.json', reference, '--key', 'plain.key', '--policy', 'plain.yaml'),
      'curl to the push and the pull service': (reference: string) => {
        curl(services.push, reference, ...headers, '--data-binary', '@nginx.json');
        curl(services.pull, reference);
      },
      'oras push, cosign sign, cosign verify': (reference: string) => {
        run(peer('oras'), 'push', '--plain-http', reference, 'nginx.json');
        cosign('sign', '--yes', '--key', 'fairlead.key', '--signing-config', 'offline.json', reference);
        cosign('verify', '--key', 'fairlead.pub', '--insecure-ignore-tlog', reference);
      },
    };
    try {
      const times = inTurns(contenders, registry.host);
      const theirs = median(times['oras push, cosign sign, cosign verify'] ?? []);
      for (const [name, samples] of Object.entries(times)) {
        const best = Math.min(...samples).toFixed(0);
        const ratio = (median(samples) / theirs).toFixed(2);
        report(`${name}: ${median(samples).toFixed(0)} ms median of ${rounds} (best ${best}), ratio ${ratio}`);
      }
    } finally {
      await services.stop();
    }
  } finally {
    await registry.stop();
    await rm(directory, { recursive: true });
  }
}

/** A policy that asks for one key. */
function keyPolicyText(key: string): string {
  return `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - match: "**"\n    require: [{key: ${key}}]\n`;
}

/**
 * Each contender once a round, to a repository of its own; gives milliseconds. The first round
 * warms up.
 */
function inTurns(
  contenders: Readonly<Record<string, (reference: string) => void>>,
  host: string,
): Record<string, number[]> {
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [index, [name, contender]] of Object.entries(contenders).entries()) {
      const begun = performance.now();
      contender(`${host}/bench-${index}-${round}/nginx:1`);
      if (round > 0) times[name]?.push(performance.now() - begun);
    }
  }
  return times;
}
