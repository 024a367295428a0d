import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { profileContent } from '#lib/artifact/profile-content';
import { FairleadError } from '#lib/errors';
import { pullProfile } from '#lib/node/pull/pull-profile';
import { effectiveProfile } from '#lib/profile/effective-profile';
import { type RuntimeProfile, seccompOf } from '#lib/profile/profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { renderProfile } from '#lib/profile/render-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { machineArchitecture, nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { describeTables } from '#lib/profile/seccomp/tables/runtime-defaults/select-tables';
import { defaultCapabilities } from '#lib/profile/seccomp/tables/runtime-identity';
import { digestOf } from '#lib/registry/digest';
import { layoutRepository } from '#lib/registry/layout/repository';
import { formatReference, formatRepository, parseReference, type Reference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { loadPolicy } from '#lib/trust/policy/load-policy';
import type { Policy } from '#lib/trust/policy/node-policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { publish } from '#services/push/publish';
import { writeNewFile } from '../files/files.ts';
import { loadTablesLike } from '../options/runtime-like.ts';
import { tellConstraints } from './constraints.ts';
import { exampleProfile } from './example-profile.ts';
import type { Narrator } from './narrator.ts';

/** What walkPath created, as input of the next steps. */
export interface Walk {
  readonly directory: string;
  /** The published profile, pinned to its digest. */
  readonly reference: Reference;
  readonly policyFile: string;
  readonly policy: Policy;
  readonly connect: (reference: Reference) => Repository;
}

const policyText = `apiVersion: fairlead.dev/v1
kind: TrustPolicy
rules:
  - match: localhost/security/**
    kinds: [Seccomp]
    require:
      - key: fairlead.pub
`;

/** Names of the files that walkPath creates in the directory. */
const written = ['fairlead.key', 'fairlead.pub', 'nginx.json', 'policy.yaml', 'pulled.json', 'registry'];

/**
 * Verifies that a directory contains none of the files that walkPath creates. Throws Conflict.
 */
export function assertUnused(directory: string): void {
  const found = written.filter((name) => existsSync(join(directory, name)));
  if (found.length === 0) return;
  throw new FairleadError(
    'Conflict',
    `${directory} already contains ${found.join(', ')}; quickstart overwrites no files`,
    {
      hint: 'Choose another directory with --directory. To run the commands on the existing files, change to that directory.',
    },
  );
}

const tagged = parseReference('localhost/security/nginx:1.27');

/**
 * Runs the whole path in a directory: generates a key pair, publishes a profile, pulls it, and
 * intersects it. Rejects as these steps do.
 */
export async function walkPath(directory: string, tell: Narrator): Promise<Walk> {
  const connect = (reference: Reference): Repository =>
    layoutRepository(join(directory, 'registry'), formatRepository(reference));
  const signer = await makeKey(directory, tell);
  const published = await publishExample(directory, { connect, signer }, tell);
  const policyFile = join(directory, 'policy.yaml');
  await writeNewFile(policyFile, policyText, 0o644);
  const policy = await loadPolicy(policyFile);
  const artifact = await pullBack(directory, { policy, connect }, tell);
  await intersect(artifact, tell);
  return { directory, reference: published, policyFile, policy, connect };
}

async function makeKey(directory: string, tell: Narrator): Promise<KeySigner> {
  tell.step('Generate a key pair');
  tell.command('fairlead keygen');
  const pair = await generateKeyPair();
  await writeNewFile(join(directory, 'fairlead.key'), pair.privateKey, 0o600);
  await writeNewFile(join(directory, 'fairlead.pub'), pair.publicKey, 0o644);
  const signer = keySigner(await loadPrivateKey(pair.privateKey));
  tell.fact('fingerprint', `SHA-256 ${signer.key.publicKey.fingerprint}`);
  return signer;
}

async function publishExample(
  directory: string,
  { connect, signer }: { connect: (reference: Reference) => Repository; signer: KeySigner },
  tell: Narrator,
): Promise<Reference> {
  tell.step('Publish a profile: lint, pack, sign, push, and set the tag last');
  tell.command(`fairlead push nginx.json ${formatReference(tagged)} --key fairlead.key --oci-layout registry`);
  const profile = exampleProfile();
  await writeNewFile(join(directory, 'nginx.json'), profile, 0o644);
  const published = await publish(
    profile,
    { reference: tagged, source: 'nginx.json' },
    { target: connect(tagged), signer, clock: () => new Date(), limits: defaultPublicationLimits },
  );
  for (const { severity, message } of published.findings) tell.fact(severity, message);
  if (published.findings.length === 0) tell.fact('lint', 'no findings');
  tell.fact('artifact', `${published.reference.digest}  (the same content always has the same digest)`);
  tell.fact('signature', `${published.signature}  (a Sigstore bundle; cosign verifies it)`);
  tell.fact('reference', formatReference(published.reference));
  return published.reference;
}

async function pullBack(
  directory: string,
  dependencies: { policy: Policy; connect: (reference: Reference) => Repository },
  tell: Narrator,
): Promise<RuntimeProfile> {
  tell.step('Pull the profile under a trust policy, which allows only what a rule allows');
  for (const line of policyText.trimEnd().split('\n').slice(2)) tell.note(`  ${line}`);
  tell.command(
    `fairlead pull ${formatReference(tagged)} --policy policy.yaml --oci-layout registry --file pulled.json`,
  );
  const pulled = await pullProfile({ reference: tagged, kind: 'Seccomp' }, dependencies);
  await writeNewFile(join(directory, 'pulled.json'), profileContent(pulled.artifact), 0o644);
  tell.fact('resolved', `${formatReference(tagged)} is ${pulled.descriptor.digest}`);
  tell.fact('allowed by', `rule ${pulled.verification.rule}`);
  for (const { manifest, key, keyFingerprint } of pulled.verification.signatures) {
    tell.fact('verified', `signature ${manifest}`);
    tell.fact('key', `${key}, SHA-256 ${keyFingerprint}`);
  }
  return { kind: 'Seccomp', seccomp: seccompOf(pulled.profile) };
}

/** Intersects the artifact with the default profile of the runtime, as a node does. */
async function intersect(artifact: RuntimeProfile, tell: Narrator): Promise<void> {
  tell.step('Intersect it with the default profile of the runtime, as a node does for each container');
  const machine = machineArchitecture(process.arch);
  const { tables } = await loadTablesLike({ name: 'containerd' });
  const capabilities = defaultCapabilities('containerd');
  const native = nativeArchitecture(machine);
  const baseline = runtimeDefault(tables, { architecture: machine, kernel: release(), capabilities });
  tell.fact('default of', describeTables(tables));
  const { profile, constraints } = effectiveProfile(
    { baseline: { kind: 'Seccomp', seccomp: baseline }, artifact },
    native,
  );
  tell.fact('effective', `${digestOf(renderProfile(profile))}  (the profile that the kernel applies)`);
  tellConstraints(constraints, tell);
  const allowed = allowedSyscalls(baseline);
  const left = allowedSyscalls(seccompOf(profile));
  const gone = [...allowed].filter((name) => !left.has(name));
  const known = ['chmod', 'fchmodat', 'mknod', 'ptrace', 'setxattr'].filter((name) => gone.includes(name));
  tell.fact(
    'denied',
    `${gone.length} of the ${allowed.size} system calls that the default profile allows, including ${known.join(', ')}`,
  );
}

/** Returns the syscalls that a profile allows for at least some arguments. */
function allowedSyscalls({ syscalls = [] }: SeccompProfile): Set<string> {
  return new Set(syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW').flatMap(({ names }) => names));
}
