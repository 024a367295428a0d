import { createHash } from 'node:crypto';
import { forEachOf } from '#lib/concurrency/for-each-of';
import { FairleadError } from '#lib/errors';
import { type AnyKindDependencies, authorizeAnyKind } from '#lib/node/pull/pull-any-kind';
import { loadReferenceDefault } from '#lib/profile/seccomp/call-counts';
import { ifThere } from '#lib/registry/if-there';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { Target } from '#lib/registry/target';
import { describeAlternative, type TrustPolicy } from '#lib/trust/policy/policy';
import type { Attached } from '#lib/trust/sign/attach-signature';
import type { Signer } from '#lib/trust/sign/signer';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import {
  type Candidate,
  collectCandidates,
  orRefuse,
  type RefusedSource,
  type SourceTarget,
  sourceConcurrency,
} from './candidates.ts';
import { type CatalogDiff, diffCatalogs } from './diff-catalogs.ts';
import type { CatalogEntry } from './entry.ts';
import { catalogLimits } from './format.ts';
import { type PackedShard, packShards } from './pack-shards.ts';
import { pushCatalog } from './push-catalog.ts';
import { readArtifact } from './read-artifact.ts';
import { type Catalog, entriesOf, readUnderRule } from './read-catalog.ts';
import { type ListedShard, packRoot } from './root.ts';
import { type CatalogSources, type ListRepositories, sourceRepositories } from './sources.ts';

/** The catalog to build. */
export interface BuildCatalogRequest {
  /** The repository of the catalog, and its tag. */
  readonly reference: Reference;
  readonly sources: CatalogSources;
  /** True to read every artifact, also those that the catalog has already. */
  readonly full?: boolean | undefined;
  readonly signatureFormat?: SignatureFormat | undefined;
}

/** What buildCatalog works with. */
export interface BuildCatalogDependencies {
  /** Decides which profiles are taken, as on a node. */
  readonly policy: AnyKindDependencies['policy'];
  /** Without a signer the catalog is unsigned, and each build reads everything. */
  readonly signer?: Signer | undefined;
  readonly connect: (reference: Pick<Reference, 'registry' | 'repository'>) => SourceTarget & Target;
  readonly listRepositories: ListRepositories;
  readonly clock: () => Date;
  readonly signal?: AbortSignal | undefined;
}

/** The result of buildCatalog. */
export interface BuiltCatalog {
  readonly reference: PinnedReference;
  readonly entries: readonly CatalogEntry[];
  /** False if the catalog was complete already: nothing was written. */
  readonly isChanged: boolean;
  /** The difference to the catalog before it; if that does not exist, to an empty one. */
  readonly diff: CatalogDiff;
  readonly shards: { readonly total: number; readonly written: number };
  /** Artifacts that were read; the others were taken from the catalog before. */
  readonly read: number;
  /** Artifacts that are not profiles. */
  readonly skipped: number;
  /** Profiles, images and repositories that are left out, with the reasons. */
  readonly refused: readonly RefusedSource[];
  /** Why the catalog that the tag had was not used. */
  readonly previousProblem?: FairleadError;
  readonly signature?: Attached;
}

/**
 * Builds a catalog of the profiles in the sources: what may be a profile is collected, each is read
 * as a node pulls it, and what changed is pushed: shards, root, signature, and the tag last. What
 * the policy refuses is left out and reported. An error of a registry ends the build, with the tag
 * unchanged.
 *
 * A profile with the same digest as in the catalog before is not read again: that catalog must be
 * signed by the same signer, and its signatures verified under the same policy. Under another
 * policy all are read again. A repository that fills more than a shard is left out. Rejects with
 * LimitExceeded for too many profiles, and as registries and the signer do.
 */
export async function buildCatalog(
  request: BuildCatalogRequest,
  dependencies: BuildCatalogDependencies,
): Promise<BuiltCatalog> {
  const { reference, sources } = request;
  const { policy, listRepositories, signal } = dependencies;
  const connect = onceForEach(dependencies.connect);
  const { previous, isTrusted, problem } = await readPrevious(request, dependencies);
  const own = repositoryName(formatRepository(reference));
  const repositories = (await sourceRepositories(sources, listRepositories)).filter(
    (source) => repositoryName(formatRepository(source)) !== own,
  );
  const authorize = (source: Pick<Reference, 'registry' | 'repository'>): void => authorizeAnyKind(policy, source);
  const collected = await collectCandidates(repositories, sources.images, { connect, authorize, signal });
  const policyId = identifyPolicy(policy);
  const isUsable = isTrusted && !request.full && previous?.policy === policyId;
  const usable = isUsable ? entriesOf(previous) : [];
  const read = await readCandidates(collected.candidates, usable, { ...dependencies, connect });
  if (read.entries.length > catalogLimits.entries) {
    throw new FairleadError(
      'LimitExceeded',
      `${formatRepository(reference)}: ${read.entries.length} profiles, more than the ${catalogLimits.entries} allowed in a catalog`,
      { hint: 'Divide the sources between several catalogs.' },
    );
  }
  const packed = packShards(read.entries);
  const left = new Set(packed.shards.flatMap((shard) => shard.entries));
  const entries = read.entries.filter((entry) => left.has(entry));
  const written = await writeChanges(packed.shards, { request, previous, policyId }, dependencies);
  return {
    ...written,
    entries,
    diff: diffCatalogs(previous === undefined ? [] : entriesOf(previous), entries),
    read: read.count,
    skipped: read.skipped,
    refused: [...collected.refused, ...read.refused, ...packed.refused],
    ...(problem !== undefined && { previousProblem: problem }),
  };
}

/** Returns one target for each repository: it keeps what it learned about the registry. */
function onceForEach(connect: BuildCatalogDependencies['connect']): BuildCatalogDependencies['connect'] {
  const opened = new Map<string, SourceTarget & Target>();
  return (reference) => {
    const name = formatRepository(reference);
    const target = opened.get(name) ?? connect(reference);
    opened.set(name, target);
    return target;
  };
}

/** The catalog that the tag has. */
interface PreviousCatalog {
  readonly previous?: Catalog;
  /**
   * True if the signer of this build has signed it. Otherwise its entries are not taken over:
   * anyone who can write to the repository could have added them.
   */
  readonly isTrusted: boolean;
  /** Why it cannot be used at all. */
  readonly problem?: FairleadError;
}

async function readPrevious(
  { reference }: BuildCatalogRequest,
  { signer, connect, signal }: BuildCatalogDependencies,
): Promise<PreviousCatalog> {
  if (reference.tag === undefined) return { isTrusted: false };
  const require = (await signer?.requirements()) ?? [];
  const isTrusted = require.length > 0;
  const rule = { match: formatRepository(reference), require, unsigned: !isTrusted, isImplied: true } as const;
  try {
    const previous = await ifThere(readUnderRule(reference, rule, { connect, signal }));
    return previous === undefined ? { isTrusted: false } : { previous, isTrusted };
  } catch (error) {
    if (!(error instanceof FairleadError) || !unusable.has(error.kind)) throw error;
    return { isTrusted: false, problem: error };
  }
}

const unusable: ReadonlySet<FairleadError['kind']> = new Set(['LimitExceeded', 'ProfileInvalid', 'SignatureInvalid']);

/**
 * Identifies the policy under which signatures were verified. The rules that stand for a signer
 * have a new revision in each process, so that the signer itself identifies them.
 */
function identifyPolicy({ rules, revision }: TrustPolicy): string {
  const isImplied = rules.length > 0 && rules.every((rule) => rule.isImplied);
  const signers = rules.flatMap(({ require }) => require.flatMap(({ anyOf }) => anyOf));
  const names = signers.map((signer) => [
    signer.publicKey?.fingerprint ?? describeAlternative(signer),
    signer.log?.use,
  ]);
  return createHash('sha256')
    .update(isImplied ? JSON.stringify(names) : revision)
    .digest('hex');
}

/** Returns the entries of candidates: those that are known, with their tags of now, and others. */
async function readCandidates(
  candidates: readonly Candidate[],
  usable: readonly CatalogEntry[],
  { policy, connect, signal }: BuildCatalogDependencies,
): Promise<{
  readonly entries: readonly CatalogEntry[];
  readonly refused: readonly RefusedSource[];
  readonly count: number;
  readonly skipped: number;
}> {
  const known = new Map(usable.map((entry) => [idOf(entry), entry]));
  const baseline = await loadReferenceDefault();
  const entries = new Map<string, CatalogEntry>();
  const refused: RefusedSource[] = [];
  const unknown: Candidate[] = [];
  for (const candidate of candidates) {
    const entry = known.get(idOf(candidate));
    if (entry === undefined) unknown.push(candidate);
    else entries.set(idOf(entry), { ...entry, tags: candidate.tags });
  }
  let skipped = 0;
  await forEachOf(unknown, sourceConcurrency, async (candidate) => {
    const { registry, repository, descriptor } = candidate;
    const [tag] = candidate.tags;
    const reference = { registry, repository, ...(tag !== undefined && { tag }), digest: descriptor.digest };
    await orRefuse(reference, refused, async () => {
      const entry = await readArtifact(candidate, { policy, source: connect(candidate), baseline, signal });
      if (entry === undefined) skipped++;
      else entries.set(idOf(entry), entry);
    });
  });
  // In the order of the candidates, whichever was read first.
  const inOrder = candidates.flatMap((candidate) => entries.get(idOf(candidate)) ?? []);
  return { entries: inOrder, refused, count: unknown.length, skipped };
}

function idOf(entry: Pick<Candidate, 'registry' | 'repository' | 'descriptor'>): string {
  return `${formatRepository(entry)}@${entry.descriptor.digest}`;
}

async function writeChanges(
  packed: readonly PackedShard[],
  {
    request: { reference, signatureFormat },
    previous,
    policyId,
  }: {
    readonly request: BuildCatalogRequest;
    readonly previous: Catalog | undefined;
    readonly policyId: string;
  },
  { connect, signer, clock, signal }: BuildCatalogDependencies,
): Promise<Pick<BuiltCatalog, 'reference' | 'isChanged' | 'shards' | 'signature'>> {
  const held = new Set(previous?.shards.map(({ key, descriptor: { digest } }) => `${key} ${digest}`));
  const listed = packed.map(
    ({ key, entries, artifact }): ListedShard => ({ key, count: entries.length, descriptor: artifact.descriptor }),
  );
  const changed = packed.flatMap(({ key, artifact }) =>
    held.has(`${key} ${artifact.descriptor.digest}`) ? [] : [artifact],
  );
  const shards = { total: listed.length, written: changed.length };
  const isComplete = changed.length === 0 && listed.length === previous?.shards.length;
  if (previous !== undefined && isComplete && previous.policy === policyId) {
    return { reference: { ...reference, digest: previous.descriptor.digest }, isChanged: false, shards };
  }
  const created = clock();
  const root = packRoot({ shards: listed, built: created.toISOString(), policy: policyId });
  const options = signal === undefined ? {} : { signal };
  const push = { reference, shards: changed, root, signer, signatureFormat, created };
  const signature = await pushCatalog(connect(reference), push, options);
  return {
    reference: { ...reference, digest: root.descriptor.digest },
    isChanged: true,
    shards,
    ...(signature !== undefined && { signature }),
  };
}
