import { maxManifestBytes, profileMediaTypes } from '#lib/artifact/artifact';
import { FairleadError } from '#lib/errors';
import { type AnyKindDependencies, pullResolved, resolveProfileManifest } from '#lib/node/pull/pull-any-kind';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { PublishedProfile } from '#lib/profile/profile';
import { resolveProfile } from '#lib/profile/resolve-profile';
import { type CallCounts, compareCalls, countCalls, referenceHost } from '#lib/profile/seccomp/call-counts';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { machineArchitectures, nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { parseManifest } from '#lib/registry/manifest';
import { withManifest } from '#lib/registry/one-request';
import { formatRepository } from '#lib/registry/reference';
import type { HeldSignature } from '#lib/trust/signature/signature';
import type { Candidate, SourceTarget } from './candidates.ts';
import type { CatalogEntry, CatalogSigner } from './entry.ts';
import { statedFields, takenAnnotations } from './entry-annotations.ts';
import { entryDescriptor, parseEntry } from './entry-descriptor.ts';
import { listedSigners } from './signer-name.ts';

/** What readArtifact works with. */
export interface ReadArtifactDependencies {
  readonly policy: AnyKindDependencies['policy'];
  readonly source: SourceTarget;
  /** What loadReferenceDefault returns. */
  readonly baseline: SeccompProfile;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads an artifact as a node pulls it, and returns its entry; undefined for content that its
 * manifest does not call a profile, such as an image. Throws NotAllowed, SignatureInvalid and
 * ProfileInvalid as pullProfile does, and the errors of the registry's client.
 */
export async function readArtifact(
  candidate: Candidate,
  { policy, source, baseline, signal }: ReadArtifactDependencies,
): Promise<CatalogEntry | undefined> {
  const { registry, repository, descriptor } = candidate;
  if (descriptor.mediaType !== mediaTypes.manifest || descriptor.size > maxManifestBytes) return undefined;
  const options = signal === undefined ? {} : { signal };
  const bytes = await fetchBytes(source, descriptor, { limit: maxManifestBytes, ...options });
  const manifest = manifestIn(bytes);
  if (manifest === undefined || !isCalledProfile(manifest)) return undefined;
  assertSubject(candidate, manifest);
  const resolved = await resolveProfileManifest(
    withManifest(source, { descriptor, bytes }),
    descriptor.digest,
    options,
  );
  const reference = { registry, repository, digest: descriptor.digest };
  const pulled = await pullResolved(reference, resolved, { policy, connect: () => source, ...options });
  return entryOf(candidate, pulled, baseline);
}

/** Reads a manifest; undefined for what is not one, which anyone may push. */
function manifestIn(bytes: Uint8Array): Manifest | undefined {
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}

const profileTypes: ReadonlySet<string> = new Set(Object.values(profileMediaTypes));

function isCalledProfile({ artifactType, config }: Manifest): boolean {
  return [artifactType, config.mediaType].some((type) => type !== undefined && profileTypes.has(type));
}

/** Throws ProfileInvalid unless an artifact is for the image whose referrer it is listed as. */
function assertSubject({ descriptor: { digest }, subject }: Candidate, manifest: Manifest): void {
  if (subject === undefined || manifest.subject?.digest === subject) return;
  throw new FairleadError(
    'ProfileInvalid',
    `${digest} is listed as a referrer of ${subject}, but its manifest names ${manifest.subject?.digest ?? 'no subject'}`,
  );
}

function entryOf(candidate: Candidate, pulled: PulledProfile, baseline: SeccompProfile): CatalogEntry {
  const { registry, repository, descriptor, tags } = candidate;
  const { artifact, profile, verification } = pulled;
  const { subject, artifactType } = artifact.manifest;
  const annotations = takenAnnotations(artifact.manifest.annotations ?? {});
  const calls = callsOf(profile, baseline);
  const { mediaType, digest, size } = descriptor;
  const entry = {
    registry,
    repository,
    descriptor: { mediaType, digest, size, ...(artifactType !== undefined && { artifactType }) },
    kind: artifact.kind,
    tags,
    architectures: architecturesOf(profile),
    ...(subject !== undefined && { subject: subject.digest }),
    signers: listedSigners(verification.signatures.map(signerOf)),
    ...(calls !== undefined && { calls }),
    ...statedFields(annotations, subject === undefined ? undefined : formatRepository(candidate)),
    annotations,
  };
  // One entry that readers refuse would make them refuse the whole catalog.
  parseEntry(entryDescriptor(entry));
  return entry;
}

function callsOf(profile: PublishedProfile, baseline: SeccompProfile): CallCounts | undefined {
  const resolved = resolveProfile(profile, referenceHost);
  return resolved.kind === 'Seccomp' ? countCalls(compareCalls(resolved.seccomp, baseline)) : undefined;
}

/** Returns the machines whose own programs a seccomp profile filters, by the names of Go. */
function architecturesOf(profile: PublishedProfile): readonly string[] {
  const { architectures = [] } = 'seccomp' in profile ? profile.seccomp : {};
  return machineArchitectures.filter((machine) => architectures.includes(nativeArchitecture(machine)));
}

function signerOf({ keyFingerprint, certificate }: HeldSignature): CatalogSigner {
  if (keyFingerprint !== undefined) return { key: keyFingerprint };
  const { issuer, identity } = certificate;
  return { issuer, identity };
}
