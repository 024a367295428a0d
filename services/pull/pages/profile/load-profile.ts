import { profileAnnotations } from '#lib/artifact/describe-profile';
import type { CatalogEntry, CatalogProfile } from '#lib/catalog/entry';
import type { CatalogSearch } from '#lib/catalog/search';
import { FairleadError } from '#lib/errors';
import { lint } from '#lib/profile/lint';
import type { PublishedProfile } from '#lib/profile/profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { Reference } from '#lib/registry/reference';
import type { FollowedCatalogs } from '../../catalogs.ts';
import type { VerifiedArtifact } from '../../verified/verified-profile.ts';
import { checkTrust, type TrustDependencies } from '../checks/trust.ts';
import { entryOf, loadVersions } from './load-versions.ts';
import { machinesText } from './machines-text.ts';
import { type ArtifactFacts, type ProfileContent, type ProfileView, versionLabel } from './profile-view.ts';
import { summarizeSeccomp } from './seccomp-summary.ts';

/** What loadProfile works with. */
export interface ProfileDependencies extends TrustDependencies {
  readonly catalogs: Pick<FollowedCatalogs, 'current'>;
  /** Returns what loadReferenceDefault returns. */
  readonly baseline: () => Promise<SeccompProfile>;
}

/** The profile that a page is about. */
export interface ProfileRequest {
  /** Without tag and digest: the newest version that a catalog names. */
  readonly reference: Reference;
  /** The versions to compare: tags, digests or `RuntimeDefault`. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Profiles and images that the aside names. */
const shownOthers = 5;

/**
 * Checks a profile and collects what its page shows. What may not be used is described by what the
 * catalogs state. Rejects with NotFound if there is no such profile, with Unavailable if its
 * registry does not answer and nothing is known of it, and with InvalidInput for a reference to no
 * version that no catalog names.
 */
export async function loadProfile(
  request: ProfileRequest,
  dependencies: ProfileDependencies,
  signal: AbortSignal,
): Promise<ProfileView> {
  const catalog = dependencies.catalogs.current();
  const { registry, repository } = request.reference;
  const listed = catalog.get({ registry, repository });
  const reference = withVersion(request.reference, listed);
  const entry = entryOf(reference, listed);
  const trusted = await checkTrust(reference, entry?.kind, dependencies, signal);
  const { trust, checked } = trusted;
  if (trust.state === 'notChecked' && checked === undefined && entry === undefined) {
    throw new FairleadError('Unavailable', trust.why, { hint: 'No version of this profile was verified here before.' });
  }
  const baseline = await dependencies.baseline();
  const kind = checked?.kind ?? entry?.kind;
  const named = reference.digest ?? reference.tag ?? '';
  const annotations = checked?.artifact.manifest.annotations ?? {};
  const summary = checked === undefined ? entry?.summary : annotations[profileAnnotations.summary];
  const digest = checked?.descriptor.digest ?? reference.digest ?? entry?.descriptor.digest;
  const { profiles, localPaths } = dependencies;
  const comparing = { reference, listed, trusted, request, baseline, profiles, localPaths };
  const version = reference.tag ?? entry?.tags[0] ?? versionLabel(named);
  const images = imagesOf({ entry, checked, address: { registry, repository } });
  return {
    address: { registry, repository },
    name: repository.replace(/^.*\//, ''),
    version,
    named,
    ...(kind !== undefined && { kind }),
    trust,
    ...(summary !== undefined && { summary }),
    ...(digest !== undefined && { digest }),
    ...(checked !== undefined && { content: contentOf(checked.profile, baseline), artifact: artifactOf(checked) }),
    ...(await loadVersions(comparing, signal)),
    images,
    others: othersFor(entry?.images ?? [], { registry, repository }, catalog),
  };
}

/** Returns a reference with a version: that of the newest one in the catalogs if it has none. */
function withVersion(reference: Reference, listed: CatalogProfile | undefined): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  const newest = listed?.versions[0];
  if (newest === undefined) {
    throw new FairleadError('NotFound', `no catalog names ${reference.registry}/${reference.repository}`, {
      hint: 'Name a version: add :TAG or @sha256:… to the address.',
    });
  }
  const [tag] = newest.tags;
  return tag === undefined ? { ...reference, digest: newest.descriptor.digest } : { ...reference, tag };
}

function contentOf(profile: PublishedProfile, baseline: SeccompProfile): ProfileContent {
  if ('unresolved' in profile) return { kind: 'unresolved' };
  if (profile.kind === 'AppArmor') return { kind: 'AppArmor', profile: profile.apparmor };
  const { seccomp } = profile;
  return {
    kind: 'Seccomp',
    summary: summarizeSeccomp(seccomp, baseline),
    machines: machinesText(seccomp.architectures ?? []),
  };
}

function artifactOf({ descriptor, artifact, profile }: VerifiedArtifact): ArtifactFacts {
  const findings = 'unresolved' in profile ? undefined : lint(profile);
  const worded =
    findings === undefined
      ? 'not linted: it depends on the container'
      : findings.length === 0
        ? 'no findings'
        : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}: ${[...new Set(findings.map(({ code }) => code))].join(', ')}`;
  return {
    digest: descriptor.digest,
    layer: artifact.layer.descriptor,
    type: artifact.manifest.artifactType ?? artifact.manifest.config.mediaType,
    lint: worded,
  };
}

function imagesOf({
  entry,
  checked,
  address,
}: {
  readonly entry: CatalogEntry | undefined;
  readonly checked: VerifiedArtifact | undefined;
  readonly address: ProfileView['address'];
}): ProfileView['images'] {
  const named = (entry?.images ?? []).map((image) => ({ image, how: 'named in an annotation' }));
  const subject = checked?.artifact.manifest.subject?.digest ?? entry?.subject;
  if (subject === undefined) return named;
  const image = `${address.registry}/${address.repository}@${subject}`;
  return [{ image, how: 'attached to it, as a referrer' }, ...named];
}

function othersFor(
  images: readonly string[],
  own: Pick<Reference, 'registry' | 'repository'>,
  catalog: CatalogSearch,
): readonly CatalogProfile[] {
  const [image] = images;
  if (image === undefined) return [];
  const { profiles } = catalog.search({ image, sort: 'name', limit: shownOthers + 1 });
  return profiles
    .filter(({ registry, repository }) => registry !== own.registry || repository !== own.repository)
    .slice(0, shownOthers);
}
