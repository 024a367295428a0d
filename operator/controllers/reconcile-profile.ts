import { FairleadError } from '#lib/errors';
import { isOutage } from '#lib/kube/api-error';
import type { SeccompRule } from '#lib/profile/seccomp/model';
import { renderSyscallsJson } from '#lib/profile/seccomp/write/render-json';
import { withNextStep } from '#lib/text/sentence';
import { allowanceViolations } from '../validate/seccomp-allowance.ts';
import { validateSeccomp } from '../validate/seccompprofile.ts';
import { defaultSettings, type ValidationSettings } from '../validate/settings.ts';
import { validateJson } from '../validate/validate-json.ts';
import { kindsWithSettings, validators } from '../validate/validators.ts';
import { describeViolations, type Violation } from '../validate/verdict.ts';
import type { MergedProfile } from './merge-bases.ts';
import { type MergedSyscalls, mergedBefore } from './merged-syscalls.ts';
import { type ProfileFacts, type ProfilePlan, planProfile } from './plan-profile.ts';
import { profileResources } from './profile-kinds.ts';
import type { NodeReport, Unknown } from './profile-state.ts';
import type { StoredProfile } from './stored-profile.ts';

/** What a profile is reconciled with. */
export interface ProfileDependencies {
  /** Returns the names of the pods that use a profile, by its key (`usage`). */
  readonly workloads: (usage: string) => readonly string[];
  /** Returns what existing nodes report about a profile. Throws the reason if it is not known. */
  readonly reports: (profile: { readonly kind: string; readonly name: string }) => readonly NodeReport[];
  /** Returns the names of the nodes; undefined if they are not known. */
  readonly nodes: () => ReadonlySet<string> | undefined;
  /** Returns what the administrator allows profiles. Throws the reason if it is not known. */
  readonly settings: () => ValidationSettings;
  /** Returns the profile with its bases; see mergeBases. */
  readonly mergeBases: (name: string) => Promise<MergedProfile | undefined>;
  readonly now: () => Date;
}

/** Milliseconds after which a tag is resolved again, or a base that could not be merged. */
const refreshMs = 10 * 60 * 1000;
const retryMs = 60 * 1000;
/** Most bytes of the annotation with the merged syscalls. An object may have 256 KiB of them. */
const mostSyscallBytes = 200 * 1024;
const withBase = 'with its base profile';

/**
 * Returns what is to be written of a profile: state, finalizers, and the syscalls of its bases. The
 * profile is checked as at admission: what was stored before a rule existed is reported as an
 * error, and never deleted.
 */
export async function reconcileProfile(
  profile: StoredProfile,
  dependencies: ProfileDependencies,
): Promise<ProfilePlan> {
  const { kind, metadata } = profile;
  const reports = known('NodeStatusUnknown', () => dependencies.reports({ kind, name: metadata.name }));
  const facts = {
    workloads: dependencies.workloads(profileResources[kind].usedAs(metadata.name)),
    nodes: dependencies.nodes(),
    reports: 'value' in reports ? reports.value : undefined,
  };
  const { requeueAfter, ...content } = await contentOf(profile, dependencies);
  const unknown = content.unknown ?? ('unknown' in reports ? reports.unknown : undefined);
  const plan = planProfile(profile, { ...facts, ...content, unknown }, dependencies.now());
  const delays = [plan.requeueAfter, requeueAfter].filter((delay) => delay !== undefined);
  return { ...plan, ...(delays.length > 0 && { requeueAfter: Math.min(...delays) }) };
}

/** Returns what a part of the cluster is asked for, or that and why it is not known. */
function known<T>(reason: string, ask: () => T): { readonly value: T } | { readonly unknown: Unknown } {
  try {
    return { value: ask() };
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    return { unknown: { reason, message: explain(error) } };
  }
}

function explain({ message, hint }: FairleadError): string {
  return hint === undefined ? message : withNextStep(message, hint);
}

type Content = Pick<ProfileFacts, 'problem' | 'unknown' | 'merged'> & { readonly requeueAfter?: number };

async function contentOf(profile: StoredProfile, dependencies: ProfileDependencies): Promise<Content> {
  // Nothing installs it any more, and nothing that is wrong elsewhere may keep it.
  if (profile.deletedAt !== undefined) return {};
  const asked = known('SettingsUnknown', () =>
    kindsWithSettings.has(profile.kind) ? dependencies.settings() : defaultSettings,
  );
  // Nothing is allowed that was not before.
  if ('unknown' in asked) return { ...asked, merged: mergedBefore(profile), requeueAfter: retryMs };
  const settings = asked.value;
  const validate = validators.get(profile.kind);
  const verdict = validate && (await validateJson(Buffer.from(profile.json), (object) => validate(object, settings)));
  const problem = problemOf(verdict?.violations ?? []);
  if (problem !== undefined) return { problem };
  if (profile.baseProfileName === undefined) return {};
  try {
    const merged = await dependencies.mergeBases(profile.metadata.name);
    return merged === undefined ? {} : mergedContent(merged, settings);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const before = mergedBefore(profile);
    // Nothing has changed as far as is known: a registry that is down, or an API server that
    // starts, does not withdraw a profile.
    if ((error.kind === 'Unavailable' || isOutage(error)) && before !== undefined) {
      return { ...keptContent(before, settings), requeueAfter: retryMs };
    }
    const isPulled = profile.baseProfileName.startsWith('oci://') && error.kind !== 'ProfileInvalid';
    const reason = isPulled ? 'CannotPullSeccompProfile' : 'InvalidSeccompProfile';
    return { problem: { reason, message: explain(error) }, requeueAfter: retryMs };
  }
}

function mergedContent({ profile, artifacts, followsTag }: MergedProfile, settings: ValidationSettings): Content {
  const again = followsTag ? { requeueAfter: refreshMs } : {};
  const problem = problemOf(validateSeccomp(profile, settings).violations);
  if (problem !== undefined) {
    return { problem: { ...problem, message: `${withBase}: ${problem.message}` }, ...again };
  }
  const syscalls = renderSyscallsJson(profile.syscalls ?? []);
  const bytes = Buffer.byteLength(syscalls);
  if (bytes > mostSyscallBytes) {
    const message = `the syscalls with those of the base profile have ${bytes} bytes as JSON, at most ${mostSyscallBytes} fit. Merge entries for the same syscalls.`;
    return { problem: { reason: 'InvalidSeccompProfile', message }, ...again };
  }
  return { merged: { syscalls, artifacts }, ...again };
}

/** Returns what was merged before, unless the administrator has forbidden it meanwhile. */
function keptContent(merged: MergedSyscalls, settings: ValidationSettings): Content {
  const syscalls = JSON.parse(merged.syscalls) as readonly SeccompRule[];
  const problem = problemOf(allowanceViolations({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }, settings.seccomp));
  if (problem === undefined) return { merged };
  return { problem: { ...problem, message: `${withBase}: ${problem.message}` } };
}

function problemOf(violations: readonly Violation[]): ProfileFacts['problem'] {
  return violations.length === 0 ? undefined : { reason: 'ProfileNotAllowed', message: describeViolations(violations) };
}
