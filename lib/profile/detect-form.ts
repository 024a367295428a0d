import { sections } from './apparmor/parse.ts';
import { foldName } from './json/known-names.ts';
import type { JsonDocument } from './json/read-json.ts';
import { resourceKind } from './resource-kind.ts';
import { dockerMember } from './seccomp/read/parse-docker.ts';

/**
 * The form in which a document holds a profile: seccomp JSON of the runtime-spec, KEP-6061's
 * structured AppArmor JSON, the seccomp JSON of Docker and Podman, or a custom resource of the
 * Security Profiles Operator. Runtimes read the first two.
 */
export type ProfileForm = 'runtime-seccomp' | 'apparmor-json' | 'docker' | 'spo';

/** A form, and the member of the document that shows it. */
export interface DetectedForm {
  readonly form: ProfileForm;
  /** JSON pointer (RFC 6901). */
  readonly pointer: string;
  /** The offset of the member's name. */
  readonly at: number;
}

/**
 * Detects in which form a document is: the one place that decides it, for commands, services and
 * nodes. A member counts in every letter case, since the decoders of runtimes ignore it; whether it
 * is allowed there is decided by the form's reader.
 *
 * @returns undefined for a document in none of the forms.
 */
export function detectForm(document: JsonDocument): DetectedForm | undefined {
  const { root } = document;
  if (root.type !== 'object') return undefined;
  const members = Array.from(root.members, ([key, { keyAt }]) => ({ key, name: foldName(key), at: keyAt }));
  const shownBy = (form: ProfileForm, names: readonly string[]): DetectedForm | undefined => {
    const found = members.find(({ name }) => names.includes(name));
    return found && { form, pointer: `/${found.key}`, at: found.at };
  };
  if (resourceKind(document) !== undefined) return shownBy('spo', ['kind']);
  const docker = dockerMember(root);
  if (docker !== undefined) return { form: 'docker', pointer: docker.pointer, at: docker.keyAt };
  const seccomp = shownBy('runtime-seccomp', ['defaultaction']);
  if (seccomp !== undefined || shownBy('spo', ['kind', 'apiversion']) !== undefined) return seccomp;
  return shownBy('apparmor-json', sections);
}
