import { LRUCache } from 'lru-cache';
import type { Blob } from '#lib/artifact/artifact';
import { type Catalog, entriesOf } from '#lib/catalog/read-catalog';
import { FairleadError } from '#lib/errors';
import { allowsAnyKind, authorizeAnyKind } from '#lib/node/pull/pull-any-kind';
import type { Descriptor } from '#lib/registry/descriptor';
import { type Digest, isDigest } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { linksOf, referrerDescriptor } from '#lib/registry/graph';
import { manifestBytesLimit } from '#lib/registry/manifest';
import { resolveManifest, withManifest } from '#lib/registry/one-request';
import { formatRepository, isTag, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import { isReservedTag } from '#lib/registry/reserved-tag';
import type { ReadTarget, TagLister } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { Verification } from '#lib/trust/signature/signature';
import type { FollowedCatalogs } from '../catalogs.ts';
import type { VerifiedArtifact } from '../verified/verified-profile.ts';
import type { VerifiedProfiles } from '../verified/verified-profiles.ts';
import type { MirroredName } from './mirror-name.ts';

/** What the mirror reads from. */
export interface MirroredContentDependencies {
  readonly profiles: VerifiedProfiles;
  readonly catalogs: FollowedCatalogs;
  readonly policy: Pick<PolicySource, 'current'>;
  readonly connect: (reference: Reference) => ReadTarget & TagLister;
}

/** A manifest of a signature or of a catalog, and the blobs that it names. */
interface Companion extends Blob {
  readonly parts: readonly Descriptor[];
}

/** Most bytes of a blob of a signature or a catalog. */
const longestBlob = 8 * 1024 * 1024;
/** Manifests and blobs of signatures and catalogs that are remembered, in bytes. */
const rememberedBytes = 16 * 1024 * 1024;
/** Most tags that are listed, and of these, most that are searched for a blob. */
const mostTags = 10_000;
const mostSearched = 64;

/**
 * The content of registries that the policy allows: profiles, the signatures that their rules were
 * met by, and the catalogs that the service follows. Everything else does not exist.
 */
export class MirroredContent {
  readonly #dependencies: MirroredContentDependencies;
  readonly #companions = new LRUCache<string, Companion>({
    maxSize: rememberedBytes,
    sizeCalculation: ({ bytes }) => bytes.length + 1024,
  });
  readonly #blobs = new LRUCache<string, Blob>({
    maxSize: rememberedBytes,
    sizeCalculation: ({ bytes }) => bytes.length + 1024,
  });

  constructor(dependencies: MirroredContentDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Returns a manifest by tag or digest: of a profile, of a signature that its rule was met by, or
   * of a catalog. Rejects as VerifiedProfiles.findArtifact.
   */
  async manifest(name: MirroredName, tagOrDigest: string, signal: AbortSignal): Promise<Blob> {
    const fromCatalog = await this.#catalogManifest(name, tagOrDigest, signal);
    if (fromCatalog !== undefined) return fromCatalog;
    const bySignatureTag = await this.#bySignatureTag(name, tagOrDigest, signal);
    if (bySignatureTag !== undefined) return bySignatureTag;
    try {
      const found = await this.#dependencies.profiles.findArtifact(referenceOf(name, tagOrDigest), signal);
      return { descriptor: found.descriptor, bytes: found.artifact.manifestBytes };
    } catch (error) {
      if (!isDigest(tagOrDigest) || !(error instanceof FairleadError) || error.kind !== 'ProfileInvalid') throw error;
      const signature = await this.#signatureByDigest(name, tagOrDigest, signal);
      if (signature === undefined) throw error;
      return signature;
    }
  }

  /** Returns a blob of a manifest that is served. Rejects with NotFound. */
  async blob(name: MirroredName, digest: Digest, signal: AbortSignal): Promise<Blob> {
    const { profiles, policy } = this.#dependencies;
    const inCatalog = await this.#catalogBlob(name, digest, signal);
    if (inCatalog !== undefined) return inCatalog;
    // Before anything is requested from a registry that the policy does not name.
    authorizeAnyKind(policy.current, name);
    const known = profiles.artifactWith(name, digest);
    const found = known && blobOf(known, digest);
    return found ?? (await this.#searchedBlob(name, digest, signal));
  }

  /**
   * Returns the signatures of a profile or catalog that its rule was met by, and that are attached
   * to it. Returns none for what is not served.
   */
  async referrers(name: MirroredName, subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    const verified = await this.#verifiedSubject(name, subject, signal);
    if (verified === undefined) return [];
    const found: Descriptor[] = [];
    for (const digest of signaturesOf(verified)) {
      const { descriptor, bytes } = await this.#companion(name, digest, signal);
      const links = linksOf(descriptor.mediaType, bytes, digest);
      if (links.subject?.digest === subject) found.push(referrerDescriptor(descriptor, links));
    }
    return found;
  }

  /** Returns the tags of a repository, in order, without those that stand for digests. */
  async tags(name: MirroredName, signal: AbortSignal): Promise<readonly string[]> {
    const { policy, connect, profiles } = this.#dependencies;
    if (this.#catalogOf(name) === undefined) authorizeAnyKind(policy.current, name);
    return profiles.ask(name, signal, async () => {
      const found: string[] = [];
      for await (const tag of connect(name).tags({ signal })) {
        // A registry can list anything, such as what clients would use as the name of a file.
        if (isTag(tag) && !isReservedTag(tag)) found.push(tag);
        if (found.length >= mostTags) break;
      }
      return found.sort((one, other) => (one < other ? -1 : 1));
    });
  }

  /** The repositories of the catalogs' profiles that the policy allows something from. */
  get repositories(): readonly MirroredName[] {
    const { catalogs, policy } = this.#dependencies;
    const entries = catalogs.states.flatMap(({ catalog }) => (catalog === undefined ? [] : entriesOf(catalog)));
    const names = new Map(entries.map((entry) => [formatRepository(entry), entry]));
    return [...names.values()].filter((name) => allowsAnyKind(policy.current, name));
  }

  /** The catalogs in this repository that were read, and that the policy in force still allows. */
  #catalogOf(name: MirroredName): Catalog | undefined {
    const { catalogs, policy } = this.#dependencies;
    const canonical = repositoryName(formatRepository(name));
    const found = catalogs.states.find(
      ({ catalog }) => catalog !== undefined && repositoryName(formatRepository(catalog.reference)) === canonical,
    )?.catalog;
    if (found !== undefined) authorize(policy.current, name);
    return found;
  }

  async #catalogManifest(name: MirroredName, tagOrDigest: string, signal: AbortSignal): Promise<Blob | undefined> {
    const catalog = this.#catalogOf(name);
    if (catalog === undefined) return undefined;
    const { descriptor, reference, shards, verification } = catalog;
    const parts = [
      descriptor.digest,
      ...shards.map((shard) => shard.descriptor.digest),
      ...signaturesOf({ verification }),
    ];
    const digest = tagOrDigest === reference.tag ? descriptor.digest : parts.find((part) => part === tagOrDigest);
    return digest === undefined ? undefined : this.#companion(name, digest, signal);
  }

  async #catalogBlob(name: MirroredName, digest: Digest, signal: AbortSignal): Promise<Blob | undefined> {
    const catalog = this.#catalogOf(name);
    if (catalog === undefined) return undefined;
    const parts = [...catalog.shards.map(({ descriptor }) => descriptor.digest), ...signaturesOf(catalog)];
    return this.#blobAmong(name, parts, digest, signal);
  }

  /** Returns a signature by the tag under which cosign 2 stores those of a digest. */
  async #bySignatureTag(name: MirroredName, tag: string, signal: AbortSignal): Promise<Blob | undefined> {
    const [, algorithm, hex] = /^(sha256|sha512)-([0-9a-f]+)\.(?:sig|att)$/.exec(tag) ?? [];
    const subject = `${algorithm}:${hex}`;
    if (!isDigest(subject)) return undefined;
    const verified = await this.#verifiedSubject(name, subject, signal);
    // The policy may not name the registry: nothing is requested from it then.
    if (verified === undefined) return undefined;
    const { digest } = await this.#dependencies.profiles.ask(name, signal, (source) => source.resolve(tag, { signal }));
    return signaturesOf(verified).includes(digest) ? this.#companion(name, digest, signal) : undefined;
  }

  /** Returns a signature of a profile that it names as its subject, if the rule was met by it. */
  async #signatureByDigest(name: MirroredName, digest: Digest, signal: AbortSignal): Promise<Blob | undefined> {
    const found = await this.#companion(name, digest, signal);
    const { subject } = linksOf(found.descriptor.mediaType, found.bytes, digest);
    if (subject === undefined) return undefined;
    const verified = await this.#verifiedSubject(name, subject.digest, signal);
    return verified !== undefined && signaturesOf(verified).includes(digest) ? found : undefined;
  }

  async #verifiedSubject(
    name: MirroredName,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<Pick<VerifiedArtifact, 'verification'> | undefined> {
    const catalog = this.#catalogOf(name);
    if (catalog?.descriptor.digest === digest) return catalog;
    return this.#dependencies.profiles.findArtifact({ ...name, digest }, signal).catch(undefinedIfRefused);
  }

  /**
   * Searches the profiles that the tags of a repository point to: another replica may have served
   * the manifest.
   */
  async #searchedBlob(name: MirroredName, digest: Digest, signal: AbortSignal): Promise<Blob> {
    const { profiles } = this.#dependencies;
    for (const tag of (await this.tags(name, signal)).slice(-mostSearched)) {
      const artifact = await profiles.findArtifact({ ...name, tag }, signal).catch(undefinedIfRefused);
      if (artifact === undefined) continue;
      const found = blobOf(artifact, digest) ?? (await this.#blobAmong(name, signaturesOf(artifact), digest, signal));
      if (found !== undefined) return found;
    }
    throw new FairleadError(
      'NotFound',
      `no blob ${digest} of a profile that the policy allows in ${formatRepository(name)}`,
    );
  }

  /** Returns a blob that one of these manifests names. */
  async #blobAmong(
    name: MirroredName,
    manifests: readonly Digest[],
    digest: Digest,
    signal: AbortSignal,
  ): Promise<Blob | undefined> {
    for (const manifest of manifests) {
      const { parts } = await this.#companion(name, manifest, signal);
      const descriptor = parts.find((part) => part.digest === digest);
      if (descriptor === undefined) continue;
      const key = keyOf(name, digest);
      const known = this.#blobs.get(key);
      if (known !== undefined) return known;
      const bytes = await this.#dependencies.profiles.ask(name, signal, (source) =>
        fetchBytes(source, descriptor, { limit: longestBlob, signal }),
      );
      const blob = { descriptor, bytes };
      this.#blobs.set(key, blob);
      return blob;
    }
    return undefined;
  }

  /** Returns a manifest by its digest, whatever it is: callers know that it may be served. */
  async #companion(name: MirroredName, digest: Digest, signal: AbortSignal): Promise<Companion> {
    const key = keyOf(name, digest);
    const known = this.#companions.get(key);
    if (known !== undefined) return known;
    const { descriptor, bytes } = await this.#dependencies.profiles.ask(name, signal, async (source) => {
      const resolved = await resolveManifest(source, digest, { signal });
      const limits = { limit: manifestBytesLimit, signal };
      const bytes = await fetchBytes(withManifest(source, resolved), resolved.descriptor, limits);
      return { descriptor: resolved.descriptor, bytes };
    });
    const companion = { descriptor, bytes, parts: linksOf(descriptor.mediaType, bytes, digest).children };
    this.#companions.set(key, companion);
    return companion;
  }
}

function referenceOf(name: MirroredName, tagOrDigest: string): Reference {
  return isDigest(tagOrDigest) ? { ...name, digest: tagOrDigest } : { ...name, tag: tagOrDigest };
}

function blobOf({ artifact }: VerifiedArtifact, digest: Digest): Blob | undefined {
  return artifact.blobs.find(({ descriptor }) => descriptor.digest === digest);
}

/** Returns the manifests of the signatures and attestations that a rule was met by. */
function signaturesOf({ verification }: { readonly verification: Verification }): readonly Digest[] {
  return [...new Set(verification.signatures.map(({ manifest }) => manifest))];
}

/** What is refused, or is not a profile, does not exist here. */
function undefinedIfRefused(error: unknown): undefined {
  const kinds: readonly string[] = ['NotAllowed', 'SignatureInvalid', 'ProfileInvalid', 'NotFound', 'LimitExceeded'];
  if (error instanceof FairleadError && kinds.includes(error.kind)) return undefined;
  throw error;
}

function keyOf(name: MirroredName, digest: Digest): string {
  return `${repositoryName(formatRepository(name))}@${digest}`;
}
