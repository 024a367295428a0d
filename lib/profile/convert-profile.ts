import { FairleadError } from '#lib/errors';
import { renderAppArmorJson, renderAppArmorResource } from './apparmor/render-json.ts';
import { renderAppArmorPolicy } from './apparmor/render-policy.ts';
import type { Profile } from './profile.ts';
import { isResourceName, resourceNameRule } from './resource-name.ts';
import type { SeccompProfile } from './seccomp/model.ts';
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

/**
 * Writes a profile in another form, with the same meaning. The same profile always gives the same
 * text.
 *
 * @param name of resources, AppArmor policies and CIL blocks, where the form has names.
 * @throws FairleadError InvalidInput where profiles of this kind have no such form; InvalidInput or
 * ProfileInvalid where the form cannot say what the profile does.
 */
export function convertProfile(profile: Profile, to: ConvertForm, name: string): string {
  switch (profile.kind) {
    case 'Seccomp':
      if (to === 'runtime') return renderSeccompJson(publishableForm(profile.seccomp));
      if (to === 'docker') return renderDocker(profile.seccomp);
      if (to === 'spo') return renderSeccompResource(profile.seccomp, resourceName(name));
      throw noSuchForm(profile, to, ['runtime', 'docker', 'spo']);
    case 'AppArmor':
      if (to === 'runtime') return renderAppArmorJson(profile.apparmor);
      if (to === 'apparmor') return renderAppArmorPolicy(profile.apparmor, { name });
      if (to === 'spo') return renderAppArmorResource(profile.apparmor, resourceName(name));
      throw noSuchForm(profile, to, ['runtime', 'apparmor', 'spo']);
    case 'SELinux':
    case 'RawSELinux':
      if (to === 'cil') return renderCil(named(profile.selinux, name));
      if (to === 'spo') return renderSelinuxResource(named(profile.selinux, resourceName(name)));
      throw noSuchForm(profile, to, ['cil', 'spo']);
  }
}

/**
 * A seccomp profile as it is written for runtimes: without what others than runc refuse, as far as
 * that means the same.
 */
export function publishableForm(profile: SeccompProfile): SeccompProfile {
  return withoutConflicts(withoutIdleParts(profile));
}

function resourceName(name: string): string {
  if (isResourceName(name)) return name;
  const message = `${JSON.stringify(name.slice(0, 64))} is no name for a Kubernetes resource`;
  throw new FairleadError('InvalidInput', message, {
    hint: `Set another \`name\`: ${resourceNameRule}.`,
  });
}

function named<P extends SelinuxProfile | RawSelinuxProfile>(profile: P, name: string): P {
  const wrong = blockNameProblem(name);
  if (wrong === undefined) return { ...profile, name };
  throw new FairleadError('InvalidInput', `the name ${JSON.stringify(name.slice(0, 64))} ${wrong}`, {
    hint: 'Set another `name`.',
  });
}

function noSuchForm({ kind }: Profile, to: ConvertForm, forms: readonly ConvertForm[]): FairleadError {
  return new FairleadError('InvalidInput', `a profile of kind ${kind} has no form "${to}"`, {
    hint: `It can be written as ${forms.join(', ')}.`,
  });
}
