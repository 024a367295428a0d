import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { renderAppArmorJson } from './apparmor/render-json.ts';
import { renderAppArmorPolicy } from './apparmor/render-policy.ts';
import { renderAppArmorResource } from './apparmor/render-resource.ts';
import { type ContentOf, contentFor, type Mechanism, mechanismOf } from './kinds.ts';
import { isRuntimeProfile, type Profile, type RuntimeProfile } from './profile.ts';
import { isResourceName, resourceNameRule } from './resource-name.ts';
import type { SeccompProfile } from './seccomp/model.ts';
import { pointerBefore } from './seccomp/write/pointer-before.ts';
import { renderDocker } from './seccomp/write/render-docker.ts';
import { renderSeccompJson } from './seccomp/write/render-json.ts';
import { renderSeccompResource } from './seccomp/write/render-resource.ts';
import { withoutConflicts } from './seccomp/write/without-conflicts.ts';
import { withoutIdleParts } from './seccomp/write/without-idle-parts.ts';
import type { RawSelinuxProfile, SelinuxProfile } from './selinux/model.ts';
import { blockNameProblem } from './selinux/names.ts';
import { renderCil } from './selinux/render-cil.ts';
import { renderSelinuxResource } from './selinux/render-resource.ts';

/**
 * Forms in which profiles can be written: what runtimes read (and registries keep), SPO's custom
 * resources, the profiles of Docker and Podman, what apparmor_parser loads, what secilc compiles.
 */
export const convertForms = ['runtime', 'spo', 'docker', 'apparmor', 'cil'] as const;
/** A form that convertProfile writes. */
export type ConvertForm = (typeof convertForms)[number];

type Writers<Content> = Readonly<Partial<Record<ConvertForm, (content: Content, name: string) => string>>>;

const writers: { readonly [M in Mechanism]: Writers<ContentOf[M]> } = {
  Seccomp: {
    runtime: (profile) => renderSeccompJson(withoutRefused(profile)),
    docker: renderDocker,
    spo: (profile, name) => renderSeccompResource(profile, resourceName(name)),
  },
  AppArmor: {
    runtime: renderAppArmorJson,
    apparmor: (profile, name) => renderAppArmorPolicy(profile, { name }),
    spo: (profile, name) => renderAppArmorResource(profile, resourceName(name)),
  },
  SELinux: {
    cil: (profile, name) => renderCil(named(profile, name)),
    spo: (profile, name) => renderSelinuxResource(named(profile, resourceName(name))),
  },
};

/**
 * Writes a profile in another form, with the same meaning. The same profile always gives the same
 * text.
 *
 * @param name of resources, AppArmor policies and CIL blocks, if the form has names.
 * @throws FairleadError InvalidInput if profiles of this kind have no such form; InvalidInput or
 * ProfileInvalid if the form cannot express what the profile does.
 */
export function convertProfile(profile: Profile, to: ConvertForm, name: string): string {
  return write(mechanismOf(profile), profile, to, name);
}

function write<M extends Mechanism>(mechanism: M, profile: Profile, to: ConvertForm, name: string): string {
  const forms: Writers<ContentOf[M]> = writers[mechanism];
  const writer = forms[to];
  if (writer !== undefined) return writer(contentFor(mechanism, profile), name);
  throw new FairleadError('InvalidInput', `a profile of kind ${profile.kind} has no form "${to}"`, {
    hint: `It can be written as ${Object.keys(forms).join(', ')}.`,
  });
}

/**
 * Returns the form to write by default: that of runtimes if there is one, else that of a custom
 * resource.
 */
export function usualForm(profile: Profile): ConvertForm {
  if (!isRuntimeProfile(profile)) return 'spo';
  // The form of runtimes has no complain mode.
  return 'apparmor' in profile && profile.apparmor.mode === 'Complain' ? 'spo' : 'runtime';
}

/**
 * Returns a profile as it is written for runtimes: without what runtimes other than runc refuse, if
 * that means the same.
 */
export function publishableForm<P extends RuntimeProfile>(profile: P): P {
  return 'seccomp' in profile ? { ...profile, seccomp: withoutRefused(profile.seccomp) } : profile;
}

/** Returns the JSON pointer into a profile that a pointer into its publishable form stands for. */
export function pointerInWritten(profile: Profile, published: Profile, pointer: string): string {
  return 'seccomp' in profile && 'seccomp' in published
    ? pointerBefore(profile.seccomp, published.seccomp, pointer)
    : pointer;
}

function withoutRefused(profile: SeccompProfile): SeccompProfile {
  return withoutConflicts(withoutIdleParts(profile));
}

function resourceName(name: string): string {
  if (isResourceName(name)) return name;
  const message = `invalid name ${quote(name, 64)} for a Kubernetes resource`;
  throw new FairleadError('InvalidInput', message, {
    hint: `Set another \`name\`: ${resourceNameRule}.`,
  });
}

function named<P extends SelinuxProfile | RawSelinuxProfile>(profile: P, name: string): P {
  const wrong = blockNameProblem(name);
  if (wrong === undefined) return { ...profile, name };
  throw new FairleadError('InvalidInput', `the name ${quote(name, 64)} ${wrong}`, {
    hint: 'Set another `name`.',
  });
}
