import { isResourceName, resourceNameRule } from '#lib/profile/resource-name';
import { quote } from '#lib/text/quote';
import { profileBindingSchema } from '../api/profilebinding/v1.ts';
import { warnOfBinding } from './not-supported.ts';
import type { ValidationSettings } from './settings.ts';
import { structureOf } from './structure.ts';
import { refusing, type Verdict, type Violation, type Warning } from './verdict.ts';

/** Binds every pod of the namespace. */
const anyImage = '*';

/**
 * Validates a ProfileBinding v1. Whether its profile exists is found out when a pod is bound: it
 * may be created later.
 */
export function validateProfileBinding(object: unknown, _settings: ValidationSettings): Verdict {
  const structure = structureOf(profileBindingSchema, object);
  if ('violations' in structure) return refusing(structure.violations);
  const { profileRef, image } = structure.value.spec;
  const violations: Violation[] = [];
  if (!isResourceName(profileRef.name)) {
    const problem = `${quote(profileRef.name, 64)} can be the name of no profile`;
    violations.push({ field: 'spec.profileRef.name', problem, fix: `Write ${resourceNameRule}.` });
  }
  if (/\s|\p{C}/u.test(image)) {
    const problem = `${quote(image, 64)} has a blank or a control character, and can be the image of no container`;
    violations.push({ field: 'spec.image', problem, fix: 'Write the image exactly as the pods do.' });
  }
  return { violations, warnings: [...imageWarnings(image), ...warnOfBinding(structure.value.spec)] };
}

function* imageWarnings(image: string): Generator<Warning> {
  if (image === anyImage || !/[*?]/.test(image)) return;
  const message = `${quote(image, 64)} is the name of no image: only "*" alone stands for other images`;
  yield { field: 'spec.image', message };
}
