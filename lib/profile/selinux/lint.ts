import { closest } from '#lib/text/closest';
import type { Finding } from '../finding.ts';
import { kernelClasses } from './classes.ts';
import { type RawSelinuxProfile, SELF, type SelinuxProfile, selinuxUsage } from './model.ts';
import { inheritedBlocks, rules } from './rules.ts';
import { restrictionProblems, type SelinuxRestrictions } from './validate.ts';

/**
 * What is probably not meant in an SELinux profile:
 *
 * - `restricted`: by default a node refuses it (see validate.ts), or needs another profile for it
 * - `permissive`: nothing is enforced
 * - `unknown-class`, `unknown-permission`: not of the kernel; if a node does not know it either,
 *   nothing is installed
 * - `writable-code`: the process may write files and execute them
 * - `foreign-process`: rights over processes of others
 * - `hidden-denials`: denied, and not even logged
 * - `own-name`: its own process by name, where `@self` is meant
 * - `no-rules`: nothing beyond what is inherited
 */
export function lintSelinux(
  profile: SelinuxProfile | RawSelinuxProfile,
  restrictions?: SelinuxRestrictions,
): readonly Finding[] {
  const restricted = [...restrictionProblems(profile, restrictions)].map(
    ({ message, pointer }): Finding => ({ code: 'restricted', severity: 'warning', message, pointer }),
  );
  return [
    ...restricted,
    ...lintRules(profile),
    ...(profile.kind === 'SELinux' ? lintProfile(profile) : lintRaw(profile)),
  ];
}

/** To look for the nearest name takes time, and profiles may hold many thousands of words. */
const mostSuggestions = 64;
const writes = ['write', 'append', 'create'];
const executes = ['execute', 'execute_no_trans', 'entrypoint'];
const harmless: ReadonlySet<string> = new Set(['getattr', 'signull', 'sigchld', 'getsched', 'getpgid', 'getsession']);

function* lintRules(profile: SelinuxProfile | RawSelinuxProfile): Generator<Finding> {
  const allow = rules(profile);
  const isRaw = profile.kind === 'RawSELinux';
  let unknown = 0;
  const suggestion = (name: string, names: Iterable<string>): string => {
    unknown += 1;
    const meant = unknown > mostSuggestions ? undefined : closest(name, names);
    return meant === undefined ? '' : `: did you mean ${meant}?`;
  };
  for (const [target, classes] of allow) {
    for (const [objectClass, permissions] of classes) {
      const pointer = isRaw ? '/spec/policy' : `/spec/allow/${target}/${objectClass}`;
      const warn = (code: string, message: string): Finding => ({ code, severity: 'warning', message, pointer });
      const known = kernelClasses.get(objectClass);
      if (known === undefined) {
        const meant = suggestion(objectClass, kernelClasses.keys());
        yield warn('unknown-class', `the kernel has no object class ${objectClass}${meant}`);
      }
      for (const permission of permissions) {
        if (known === undefined || known.has(permission)) continue;
        const meant = suggestion(permission, known);
        yield warn('unknown-permission', `the object class ${objectClass} has no permission ${permission}${meant}`);
      }
      const has = (names: readonly string[]): string | undefined => names.find((name) => permissions.has(name));
      const [write, execute] = [has(writes), has(executes)];
      if (objectClass === 'file' && write !== undefined && execute !== undefined) {
        yield warn(
          'writable-code',
          `${write} and ${execute} for files of ${target}: the process can run what it wrote`,
        );
      }
      const foreign = [...permissions].filter((name) => !harmless.has(name));
      if (objectClass === 'process' && target !== SELF && foreign.length > 0) {
        yield warn('foreign-process', `${foreign.join(', ')} for processes of ${target}`);
      }
    }
  }
  if (allow.size === 0) {
    const parents = inheritedBlocks(profile).map(({ name }) => name);
    const message = `allows nothing beyond what it inherits from ${parents.join(' and ')}`;
    yield { code: 'no-rules', severity: 'info', message, pointer: '/spec' };
  }
}

function* lintProfile(profile: SelinuxProfile): Generator<Finding> {
  if (profile.mode === 'Permissive') {
    const message = 'in permissive mode nothing is denied, only logged';
    yield { code: 'permissive', severity: 'warning', message, pointer: '/spec/mode' };
  }
  for (const target of ['process', selinuxUsage(profile.name)]) {
    if (!profile.allow.has(target)) continue;
    const message = `${target} is the process of the profile, which "${SELF}" names under every profile name`;
    yield { code: 'own-name', severity: 'info', message, pointer: `/spec/allow/${target}` };
  }
}

function* lintRaw(profile: RawSelinuxProfile): Generator<Finding> {
  for (const statement of profile.policy) {
    if (statement.statement !== 'dontaudit') continue;
    const denied = `${statement.target} ${statement.class} ${statement.permissions.join(' ')}`;
    const message = `dontaudit hides denials of ${denied} from the audit log`;
    yield { code: 'hidden-denials', severity: 'warning', message, pointer: '/spec/policy' };
  }
}
