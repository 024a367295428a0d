import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/key';
import type { Rule } from '#lib/trust/policy';
import { signArtifact } from '#lib/trust/sign-artifact';
import type { Signature } from '#lib/trust/signature';
import { readTrustedRoot } from '#lib/trust/sigstore-root';
import { verifySignatures } from '#lib/trust/verify-signatures';
import { peer } from '#test/peers/peer';
import { startRegistry } from '#test/peers/registry';
import { privateSigstore } from '#test/sigstore/private-sigstore';
import { commonProfile } from './common-profile.ts';
import { installPackage } from './installed-package.ts';

const calls = 2000;
const rounds = 9;
const issuer = 'https://issuer.example';
const identity = 'https://example.com/signer';

/**
 * What trust costs: the verification of one signature in a warm process, and whole commands (push, sign and verify) beside
 * `oras push`, `cosign sign` and `cosign verify`, with the same key and registry.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const artifact: Descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(Buffer.from('artifact')), size: 8 };
  const signer = await loadPrivateKey((await generateKeyPair()).privateKey);
  const { publicKey } = signer;
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

async function commands(report: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-bench-trust-'));
  const registry = await startRegistry();
  const env = { PATH: process.env['PATH'], HOME: folder, COSIGN_PASSWORD: 'secret' };
  const run = (command: string, ...args: string[]): number => {
    const begun = performance.now();
    const { status, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', env });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
    return performance.now() - begun;
  };
  const cosign = (...args: string[]): number => run(peer('cosign'), ...args, '--allow-http-registry');
  try {
    const { launcher } = await installPackage(folder);
    const fairlead = (...args: string[]): number => run(process.execPath, launcher, ...args);
    await writeFile(join(folder, 'nginx.json'), commonProfile());
    // The key is encrypted, as cosign wants it: both open the same file.
    fairlead('keygen');
    run(peer('cosign'), 'signing-config', 'create', '--out', 'offline.json');
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const reference = (by: string): string => `${registry.host}/${by}/nginx:${round}`;
      const together =
        fairlead('push', 'nginx.json', reference('fairlead'), '--key', 'fairlead.key') +
        fairlead('verify', reference('fairlead'), '--key', 'fairlead.pub');
      const separate =
        run(peer('oras'), 'push', '--plain-http', reference('oras'), 'nginx.json') +
        cosign('sign', '--yes', '--key', 'fairlead.key', '--signing-config', 'offline.json', reference('oras')) +
        cosign('verify', '--key', 'fairlead.pub', '--insecure-ignore-tlog', reference('oras'));
      if (round === 0) continue;
      ours.push(together);
      theirs.push(separate);
    }
    report(`fairlead push --key, verify: ${median(ours).toFixed(0)} ms median of ${rounds}`);
    report(`oras push, cosign sign, cosign verify: ${median(theirs).toFixed(0)} ms`);
    report(`ratio: ${(median(ours) / median(theirs)).toFixed(2)}`);
  } finally {
    await registry.stop();
    await rm(folder, { recursive: true });
  }
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}
