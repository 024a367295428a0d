/**
 * The variables of apparmor.d(5) that a path may use, with the values that Debian, Ubuntu and SUSE
 * ship in tunables/. They are replaced when a policy is written, so that a node's own tunables
 * cannot change what was reviewed. A rooted one is replaced by whole directories: at the beginning
 * of a path, before "/" or the end.
 */
interface Variable {
  readonly value: string;
  readonly rooted: boolean;
}

/**
 * Returns a glob of decimal numbers as tunables/kernelvars spells them: `length` digits at most,
 * and then from 1 to 4 at the front.
 */
function numberGlob(single: string, length: number): string {
  const digits = Array.from({ length: length - 2 }, (_, index) => `[1-9]${'[0-9]'.repeat(index + 1)}`);
  return `{${[single, ...digits, `[1-4]${'[0-9]'.repeat(length - 1)}`].join(',')}}`;
}

const processNumber = numberGlob('[1-9]', 7);
const userNumber = numberGlob('[0-9]', 10);

const variables: ReadonlyMap<string, Variable> = new Map([
  ['HOME', { value: '/{root,home/?*}', rooted: true }],
  ['HOMEDIRS', { value: '/home', rooted: true }],
  ['PROC', { value: '/proc', rooted: true }],
  ['run', { value: '/{,var/}run', rooted: true }],
  ['securityfs', { value: '/sys/kernel/security', rooted: true }],
  ['sys', { value: '/sys', rooted: true }],
  ['multiarch', { value: '*-linux-gnu*', rooted: false }],
  ['pid', { value: processNumber, rooted: false }],
  ['pids', { value: processNumber, rooted: false }],
  ['tid', { value: processNumber, rooted: false }],
  ['uid', { value: userNumber, rooted: false }],
  ['uids', { value: userNumber, rooted: false }],
]);

/** A path without variables, or what is wrong with it. */
export type Expansion = { readonly expanded: string } | { readonly fault: string };

/** Replaces `@{name}`; a path without variables is returned unchanged. */
export function expandVariables(path: string): Expansion {
  if (!path.includes('@{')) return { expanded: path };
  let expanded = '';
  let at = 0;
  for (let found = path.indexOf('@{'); found !== -1; found = path.indexOf('@{', at)) {
    const end = path.indexOf('}', found);
    const name = end === -1 ? path.slice(found + 2) : path.slice(found + 2, end);
    const variable = end === -1 ? undefined : variables.get(name);
    if (variable === undefined) {
      const known = [...variables.keys()].map((key) => `@{${key}}`).join(' ');
      return { fault: `unknown variable @{${name.slice(0, 32)}${end === -1 ? '' : '}'}; known are ${known}` };
    }
    // A "@" before a value in braces would begin another variable, and a backslash would escape the
    // value.
    if (/[@\\]$/.test(path.slice(at, found))) return { fault: `"@" and "\\" must not stand before @{${name}}` };
    const next = path[end + 1];
    if (variable.rooted && (found !== 0 || (next !== undefined && next !== '/'))) {
      return { fault: `@{${name}} stands for a directory: it must begin the path and be followed by "/" or nothing` };
    }
    expanded += path.slice(at, found) + variable.value;
    at = end + 1;
  }
  return { expanded: expanded + path.slice(at) };
}
