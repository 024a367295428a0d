import { forEachOf } from '#lib/concurrency/for-each-of';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { resolveManifest, withManifest } from '#lib/registry/one-request';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import type { CallOptions, Fetcher, ReadTarget } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import type { Rule, TrustPolicy } from '#lib/trust/policy/policy';
import type { Verification } from '#lib/trust/signature/signature';
import { verifyArtifact } from '#lib/trust/verify/verify-artifact';
import type { CatalogEntry } from './entry.ts';
import { catalogLimits } from './format.ts';
import { type CatalogRoot, type ListedShard, parseRoot } from './root.ts';
import { parseShardEntries, parseShardManifest } from './shard.ts';

/** A shard whose content was read. */
export interface CatalogShard extends ListedShard {
  readonly entries: readonly CatalogEntry[];
}

/** A catalog that was read and verified. */
export interface Catalog {
  /** As it was asked for, with the digest of the root. */
  readonly reference: PinnedReference;
  readonly descriptor: Descriptor;
  /** When it was built, RFC 3339, if its builder states that. */
  readonly built?: string;
  /** Identifies the policy under which its builder verified signatures. */
  readonly policy?: string;
  /** Why the catalog may be used. Its entries are claims of its signer. */
  readonly verification: Verification;
  readonly shards: readonly CatalogShard[];
}

/** What readCatalog works with. */
export interface ReadCatalogDependencies {
  readonly policy: TrustPolicy;
  /** Returns the repository of a reference; called only after the policy has allowed it. */
  readonly connect: (reference: Reference) => ReadTarget | Promise<ReadTarget>;
  /** The catalog as it was read before: shards that it has are not fetched again. */
  readonly previous?: Catalog | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Most bytes of the manifest of a shard: it has two descriptors. */
const shardManifestBytes = 16 * 1024;
const concurrency = 16;

/**
 * Reads a catalog: the policy is asked first, then the signatures of the root are verified, and
 * everything below it is fetched by its digest. Throws NotAllowed and SignatureInvalid as policies
 * decide, ProfileInvalid for what is not a catalog or contradicts itself, LimitExceeded for one
 * that is too large, NotFound if it or a part of it does not exist, and as the registry's client
 * does. The message names the catalog.
 */
export async function readCatalog(reference: Reference, dependencies: ReadCatalogDependencies): Promise<Catalog> {
  const rule = authorize(dependencies.policy, reference);
  return readUnderRule(reference, rule, dependencies);
}

/** Reads a catalog that must meet a rule; see readCatalog. */
export async function readUnderRule(
  reference: Reference,
  rule: Rule,
  { connect, previous, signal }: Omit<ReadCatalogDependencies, 'policy'>,
): Promise<Catalog> {
  const options: CallOptions = signal === undefined ? {} : { signal };
  const source = await connect(reference);
  const resolved = await resolveManifest(source, tagOrDigestOf(reference), options);
  const { descriptor } = resolved;
  const { digest } = descriptor;
  if (reference.digest !== undefined && reference.digest !== digest) {
    throw new FairleadError('Conflict', `${reference.digest} was resolved to ${digest}`, {
      hint: 'The registry is wrong or hostile. Nothing of it was used.',
    });
  }
  const pinned: PinnedReference = { ...reference, digest };
  return naming(pinned, async () => {
    assertIndex(descriptor);
    const target = withManifest(source, resolved);
    const { verification } = await verifyArtifact(target, { descriptor, reference, rule }, options);
    const root = parseRoot(await fetchBytes(target, descriptor, { limit: catalogLimits.rootBytes, ...options }));
    const shards = await readShards(target, root, previous, options);
    const { built, policy } = root;
    return {
      reference: pinned,
      descriptor,
      ...(built !== undefined && { built }),
      ...(policy !== undefined && { policy }),
      verification,
      shards,
    };
  });
}

/** Returns all entries of a catalog, sorted by repository within each shard. */
export function entriesOf({ shards }: Pick<Catalog, 'shards'>): readonly CatalogEntry[] {
  return shards.flatMap(({ entries }) => entries);
}

function assertIndex({ mediaType, size }: Descriptor): void {
  if (mediaType !== mediaTypes.index) {
    throw new FairleadError('ProfileInvalid', `it is not a catalog: its media type is ${mediaType}`, {
      hint: `A catalog is an index of media type ${mediaTypes.index}. fairlead catalog build writes one.`,
    });
  }
  if (size > catalogLimits.rootBytes) {
    throw new FairleadError('LimitExceeded', `it has ${size} bytes, more than the ${catalogLimits.rootBytes} allowed`);
  }
}

async function readShards(
  source: Fetcher,
  { shards }: CatalogRoot,
  previous: Catalog | undefined,
  options: CallOptions,
): Promise<readonly CatalogShard[]> {
  const known = new Map(previous?.shards.map((shard) => [shard.descriptor.digest, shard]));
  const read = new Map<string, CatalogShard>();
  let bytes = 0;
  const admit = (size: number): void => {
    bytes += size;
    if (bytes <= catalogLimits.totalBytes) return;
    throw new FairleadError('LimitExceeded', `its shards have more than the ${catalogLimits.totalBytes} bytes allowed`);
  };
  await forEachOf(shards, concurrency, async (listed) => {
    const before = known.get(listed.descriptor.digest);
    const isKnown = before?.key === listed.key && before.count === listed.count;
    const entries = isKnown ? before.entries : await readShard(source, listed, admit, options);
    read.set(listed.key, { ...listed, entries });
  });
  // In the order of the root, whichever came first.
  return shards.flatMap(({ key }) => read.get(key) ?? []);
}

async function readShard(
  source: Fetcher,
  listed: ListedShard,
  admit: (size: number) => void,
  options: CallOptions,
): Promise<readonly CatalogEntry[]> {
  try {
    const manifest = await fetchBytes(source, listed.descriptor, { limit: shardManifestBytes, ...options });
    const layer = parseShardManifest(manifest);
    admit(layer.size);
    const bytes = await fetchBytes(source, layer, { limit: catalogLimits.shardBytes, ...options });
    return parseShardEntries(bytes, listed);
  } catch (error) {
    throw named(error, `shard ${listed.key}`);
  }
}

/** Names the catalog in errors of its parts. */
async function naming<T>(reference: PinnedReference, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw named(error, `catalog ${formatReference(reference)}`);
  }
}

function named(error: unknown, what: string): unknown {
  if (!(error instanceof FairleadError)) return error;
  const { kind, summary, hint, details, local } = error;
  return new FairleadError(kind, `${what}: ${summary}`, {
    cause: error,
    ...(hint !== undefined && { hint }),
    ...(details !== undefined && { details }),
    ...(local !== undefined && { local }),
  });
}
