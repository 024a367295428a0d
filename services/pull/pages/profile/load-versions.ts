import type { CatalogEntry, CatalogProfile } from '#lib/catalog/entry';
import { FairleadError } from '#lib/errors';
import type { LocalPaths } from '#lib/http/local-paths';
import type { PublishedProfile, RuntimeKind } from '#lib/profile/profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { isDigest } from '#lib/registry/digest';
import { parseReference, type Reference } from '#lib/registry/reference';
import type { VerifiedProfiles } from '../../verified/verified-profiles.ts';
import { findInTime } from '../checks/answer-in-time.ts';
import { shownReason, type TrustedProfile } from '../checks/trust.ts';
import { compareVersions, countChanges, runtimeDefaultOf } from './compare-versions.ts';
import { type Comparison, type ProfileView, type VersionView, versionLabel, versionOf } from './profile-view.ts';

const runtimeDefault = 'RuntimeDefault';
/** Versions whose change is shown in the list: each is pulled. */
const comparedVersions = 5;
/** The newest versions, which the list and the choices of the comparison have. */
const listedVersions = 100;

/** Returns what the catalogs state about a version. */
export function entryOf({ tag, digest }: Reference, listed: CatalogProfile | undefined): CatalogEntry | undefined {
  return listed?.versions.find(({ tags, descriptor }) =>
    digest === undefined ? tag !== undefined && tags.includes(tag) : descriptor.digest === digest,
  );
}

/** What versions are compared with. */
export interface Comparing {
  readonly profiles: VerifiedProfiles;
  readonly localPaths: () => LocalPaths;
  /** The version that the page is about. */
  readonly reference: Reference;
  readonly listed: CatalogProfile | undefined;
  readonly trusted: TrustedProfile;
  /** The versions to compare, if they are named. */
  readonly request: { readonly from?: string | undefined; readonly to?: string | undefined };
  readonly baseline: SeccompProfile;
}

/**
 * Returns the versions of a profile, each with its change, and the comparison that was asked for,
 * or that with the version before. Versions that may not be shown are not compared.
 */
export async function loadVersions(
  comparing: Comparing,
  signal: AbortSignal,
): Promise<Pick<ProfileView, 'versions' | 'versionTotal' | 'comparison'>> {
  const { listed, reference, trusted } = comparing;
  const entries = listed?.versions ?? [];
  const profiles = await Promise.all(
    entries.slice(0, comparedVersions + 1).map((entry) => profileOf(versionOf(entry), comparing, signal)),
  );
  const versions = entries.slice(0, listedVersions).map((entry, index): VersionView => {
    const since = entries[index + 1];
    const [own, before] = [profiles[index], profiles[index + 1]];
    const differences = own && before && 'kind' in own && 'kind' in before ? tryCompare(before, own) : undefined;
    return {
      label: versionLabel(versionOf(entry)),
      named: versionOf(entry),
      isShown: entry.descriptor.digest === trusted.checked?.descriptor.digest || entry === entryOf(reference, listed),
      isFirst: since === undefined,
      ...(differences && since && { change: countChanges(differences, versionLabel(versionOf(since))) }),
      ...(entry.created !== undefined && { created: entry.created }),
    };
  });
  const comparison = await comparisonOf(comparing, signal);
  return { versions, versionTotal: entries.length, ...(comparison && { comparison }) };
}

function tryCompare(from: PublishedProfile, to: PublishedProfile): ReturnType<typeof compareVersions> | undefined {
  try {
    return compareVersions(from, to);
  } catch (error) {
    // Versions of different kinds, or in a form that depends on the container, are not compared.
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}

/** Returns the comparison that the request asks for, or that with the version before. */
async function comparisonOf(comparing: Comparing, signal: AbortSignal): Promise<Comparison | undefined> {
  const { listed, request, reference, trusted } = comparing;
  const own = trusted.checked;
  if (own === undefined) return undefined;
  const shown = reference.digest ?? reference.tag ?? own.descriptor.digest;
  const named = (listed?.versions ?? []).map(versionOf);
  const all = [...new Set(named.includes(shown) ? named : [shown, ...named])];
  const choices = [
    ...all.slice(0, listedVersions).map((value) => ({ value, label: versionLabel(value) })),
    { value: runtimeDefault, label: runtimeDefault },
  ];
  const to = request.to ?? shown;
  const from = request.from ?? all[all.indexOf(shown) + 1] ?? runtimeDefault;
  const [before, after] = await Promise.all([from, to].map((version) => profileOf(version, comparing, signal)));
  for (const each of [before, after])
    if (each !== undefined && 'problem' in each) return { choices, from, to, ...each };
  if (before === undefined || after === undefined) return undefined;
  try {
    return { choices, from, to, differences: compareVersions(before as PublishedProfile, after as PublishedProfile) };
  } catch (error) {
    if (error instanceof FairleadError) return { choices, from, to, problem: error.summary };
    throw error;
  }
}

/** Returns a version of the profile that may be shown, or why not. */
async function profileOf(
  version: string,
  { reference, listed, profiles, localPaths, baseline, trusted }: Comparing,
  signal: AbortSignal,
): Promise<PublishedProfile | { readonly problem: string }> {
  const own = trusted.checked;
  const kind: RuntimeKind | undefined = own?.kind ?? listed?.versions[0].kind;
  if (version === runtimeDefault) return runtimeDefaultOf(kind ?? 'Seccomp', baseline);
  if (own !== undefined && version === (reference.digest ?? reference.tag)) return own.profile;
  const { registry, repository } = reference;
  const entry = listed?.versions.find((each) => versionOf(each) === version);
  const digest = isDigest(version) ? version : entry?.descriptor.digest;
  const tagged = digest === undefined ? parseReference(`${registry}/${repository}:${version}`) : undefined;
  const named = tagged ?? { registry, repository, ...(digest !== undefined && { digest }) };
  const { trust } = trusted;
  // The registry did not answer a moment ago: readers would wait for it once more.
  if (trust.state === 'notChecked' && (digest === undefined || profiles.verificationOf(named, digest) === undefined)) {
    return { problem: `${versionLabel(version)}: ${trust.why}` };
  }
  try {
    return (await findInTime(profiles, named, signal)).profile;
  } catch (error) {
    if (error instanceof FairleadError)
      return { problem: `${versionLabel(version)}: ${shownReason(error, localPaths())}` };
    throw error;
  }
}
