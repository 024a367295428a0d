import { blockNameProblem } from '#lib/profile/selinux/names';
import { quote } from '#lib/text/quote';
import { profileRecordingSchema } from '../api/profilerecording/v1.ts';
import { warningOfRecording } from './not-supported.ts';
import type { ValidationSettings } from './settings.ts';
import { isObject, structureOf } from './structure.ts';
import { refusing, type Verdict, type Violation } from './verdict.ts';

/** Recorded profiles carry the name of their recording as the value of a label. */
const longestName = 63;
/** At most this many containers are named. */
const most = 20;
const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Validates a ProfileRecording v1: that the recorder can record the kind (the schema has that
 * rule), that the containers can exist, and that the profiles can have the names that they will
 * get, `<recording>-<container>`.
 */
export function validateProfileRecording(object: unknown, _settings: ValidationSettings): Verdict {
  const structure = structureOf(profileRecordingSchema, object);
  if ('violations' in structure) return refusing(structure.violations);
  const { kind, containers = [], podSelector } = structure.value.spec;
  const violations = [...nameViolations(kind, nameOf(object))];
  for (const [index, container] of containers.entries()) {
    if (label.test(container)) continue;
    if (violations.length === most) break;
    violations.push({
      field: `spec.containers[${index}]`,
      problem: `${quote(container, 64)} can be the name of no container`,
      fix: 'Write the name that the container has in its pod: at most 63 lower-case letters, digits and "-".',
    });
  }
  const { matchLabels = {}, matchExpressions = [] } = podSelector;
  const selectsAll = Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
  const warning = { field: 'spec.podSelector', message: 'is empty: every pod of the namespace is recorded' };
  return { violations, warnings: [...(selectsAll ? [warning] : []), warningOfRecording] };
}

function* nameViolations(kind: string, name: string): Generator<Violation> {
  const field = 'metadata.name';
  if (name.length > longestName) {
    const problem = `has ${name.length} characters, and recorded profiles carry it in a label, which has at most ${longestName}`;
    yield { field, problem, fix: 'Choose a shorter name.' };
  }
  // Letters, digits, "-" and "_" follow: the name of a container.
  const problem = kind === 'SelinuxProfile' && name !== '' ? blockNameProblem(name) : undefined;
  if (problem === undefined) return;
  yield {
    field,
    problem: `${quote(name, 64)} begins the names of SELinux policies, and ${problem}`,
    fix: 'Choose another name.',
  };
}

function nameOf(object: unknown): string {
  const metadata = isObject(object) ? object['metadata'] : undefined;
  const name = isObject(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' ? name : '';
}
