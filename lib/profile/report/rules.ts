/** What each code in a report means: of findings, of changes, of files. */
export const ruleMeanings = {
  'unknown-field': 'The format has no such member, and it is ignored.',
  'docker-form': 'The profile is in the form of Docker and Podman, which runtimes do not read; it can be converted.',
  'resource-form': 'The profile is a custom resource, which runtimes do not read; it can be converted.',
  'no-runtime-form': 'The profile cannot be published: runtimes have no form for it.',
  'not-publishable': 'Publishing refuses the profile for this.',
  'allow-everything': 'The profile confines nothing.',
  'missing-architecture': 'Programs of another architecture that the same machines run are killed.',
  'missing-runtime-syscalls': 'Calls are denied that runtimes make themselves once the filter is loaded.',
  'unknown-syscall': 'None of the listed architectures has this system call.',
  'entry-equals-default': 'The entry has the result of the default, and runtimes skip it.',
  'duplicate-entry': 'The entry repeats another one.',
  'unreachable-entry': 'An entry without conditions decides before this one.',
  'never-matches': 'The condition matches no value.',
  'always-matches': 'The conditions match every call.',
  'alternative-conditions': 'Conditions on one argument are alternatives, and may have been meant to be combined.',
  'overlapping-actions': 'Conditions with different actions overlap, and which one applies depends on the runtime.',
  'unreliable-comparison': 'libseccomp may combine these conditions wrongly.',
  'slow-to-load': 'libseccomp takes long to load these conditions, and the container starts late or never.',
  'wide-comparison': 'A value with upper bits evades the condition, since the kernel uses 32 bits of the argument.',
  'unspecified-section': 'A section that is missing in the runtime form permits everything of its kind.',
  'complain-mode': 'Nothing is denied, only logged.',
  'nothing-executable': 'No program may be executed except the first one of the container.',
  'executes-everywhere': 'Every file may be executed.',
  'writes-everywhere': 'Every file may be written.',
  'writable-executable': 'A file may be written and executed.',
  'read-and-write': 'Paths of several lists overlap, and the lists that match a path apply together.',
  'dangerous-capability': 'With this capability a process can leave its confinement or take the node.',
  'raw-sockets': 'With raw sockets a process can forge and read packets.',
  'duplicate-path': 'The path is listed twice.',
  'covered-path': 'Another path already permits this one.',
  'never-permitted': 'The default rules of every policy deny the path.',
  'duplicate-capability': 'The capability is listed twice.',
  restricted: 'Nodes refuse this by default.',
  permissive: 'Nothing is denied, only logged.',
  'unknown-class': 'The kernel has no such object class.',
  'unknown-permission': 'The object class has no such permission.',
  'writable-code': 'Files of this type may be written and executed.',
  'foreign-process': 'The profile has rights over processes of others.',
  'hidden-denials': 'Denials are not logged.',
  'own-name': 'The process of the profile is named, where @self holds under every name of the profile.',
  'no-rules': 'The profile allows nothing beyond what it inherits.',
  loosened: 'The new profile permits more than the old one.',
  tightened: 'The new profile permits less than the old one.',
  changed: 'The new profile denies or reports something in another way.',
  'new-profile': 'The profile is new.',
  'deleted-profile': 'The profile was deleted.',
  'invalid-profile': 'The file is not a valid profile.',
} as const satisfies Readonly<Record<string, string>>;

/** A code in a report. */
export type RuleId = keyof typeof ruleMeanings;

/** Returns the page that explains a code. */
export function ruleHelp(rule: string): string {
  return `https://fairlead.dev/findings/${rule}`;
}
