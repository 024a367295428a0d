import type { Violation } from '../violation.ts';
import { globsOf } from './access.ts';
import type { AppArmorProfile } from './model.ts';

/**
 * What the validation of other runtimes that implement KEP-6061 takes at most, of all lists
 * together.
 */
const mostPaths = 1024;
/** Characters before which apparmor_parser ends a path that is not in quotes. */
const endsPath = /[ "!,]/;

/**
 * Returns what other runtimes that implement KEP-6061 refuse of a profile, each with its JSON
 * pointer: paths that policies have in quotes only, or that depend on variables of the node, a path
 * in two lists, and what is listed twice. Fairlead's nodes take such profiles: they write every
 * path in quotes, and variables out.
 */
export function portabilityViolations({ executable, filesystem, capability }: AppArmorProfile): readonly Violation[] {
  const lists: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['/executable/allowedExecutables', executable?.allowedExecutables],
    ['/executable/allowedLibraries', executable?.allowedLibraries],
    ['/filesystem/readOnlyPaths', filesystem?.readOnlyPaths],
    ['/filesystem/writeOnlyPaths', filesystem?.writeOnlyPaths],
    ['/filesystem/readWritePaths', filesystem?.readWritePaths],
  ];
  const violations: Violation[] = [];
  const total = lists.reduce((sum, [, paths = []]) => sum + paths.length, 0);
  if (total > mostPaths) violations.push({ pointer: '', message: `${total} paths are more than ${mostPaths}` });
  const places = new Map<string, string>();
  for (const [list, paths = []] of lists) {
    for (const [index, { text, expanded }] of globsOf(paths).entries()) {
      const pointer = `${list}/${index}`;
      const shown = JSON.stringify(text);
      if (text.includes('@{')) {
        const message = `${shown} has a variable, whose meaning only nodes know; write ${JSON.stringify(expanded)}`;
        violations.push({ pointer, message });
      }
      const quoted = characterToQuote(text);
      if (quoted !== undefined) {
        const message = `${shown} has ${JSON.stringify(quoted)}, which needs quotes in a policy; write "?" for it`;
        violations.push({ pointer, message });
      }
      if (!list.startsWith('/filesystem/')) continue;
      const before = places.get(expanded);
      if (before !== undefined) violations.push({ pointer, message: `${shown} is already listed at ${before}` });
      places.set(expanded, pointer);
    }
  }
  const names = capability?.allowedCapabilities ?? [];
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index) {
      violations.push({ pointer: `/capability/allowedCapabilities/${index}`, message: `${name} is listed twice` });
    }
  }
  return violations;
}

/**
 * Returns the first character with which a path without quotes would end; a comma does so if
 * nothing of the path follows it.
 */
function characterToQuote(path: string): string | undefined {
  for (let at = 0; at < path.length; at += 1) {
    const character = path[at] ?? '';
    if (character === '\\') at += 1;
    else if (character === ',') {
      const next = path[at + 1];
      if (next === undefined || endsPath.test(next)) return character;
    } else if (endsPath.test(character)) return character;
  }
  return undefined;
}
