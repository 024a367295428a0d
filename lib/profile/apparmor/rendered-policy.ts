import { parseGlob } from './glob/parse-glob.ts';
import { policyHead } from './render-policy.ts';
import { capabilities } from './vocabulary.ts';

/**
 * Returns the number of the first line that {@link policyText} does not write, from 1; undefined if
 * a text is one policy of that name, with the default rules of every container, and nothing else:
 * no second profile, namespace, hat, child or other file.
 */
export function strayLine(text: string, name: string): number | undefined {
  const lines = text.split('\n');
  const end = lines.length - 2;
  const strays = heads.map((options) => {
    const head = policyHead({ name, ...options });
    const stray = lines.findIndex((line, index) => {
      if (index < head.length) return line !== head[index];
      if (index < end) return !isRule(line);
      return line !== (index === end ? '}' : '');
    });
    return stray === -1 && lines.length < head.length + 2 ? lines.length : stray;
  });
  // Whichever mode it is written for, it differs from the other one where that begins to differ.
  return strays.includes(-1) ? undefined : Math.max(...strays) + 1;
}

const heads = [
  { mode: 'Enforce' },
  { mode: 'Complain', enforceDefaults: false },
  { mode: 'Complain', enforceDefaults: true },
] as const;

const fixedRules: ReadonlySet<string> = new Set([
  ...['  capability,', '  deny capability sys_admin,', '  file,'],
  ...['  network,', '  network raw,', '  network tcp,', '  network udp,'],
]);

function isRule(line: string): boolean {
  if (fixedRules.has(line)) return true;
  const [, capability] = /^ {2}capability ([a-z_]+),$/.exec(line) ?? [];
  if (capability !== undefined) return capabilities.has(capability);
  const [, path] = /^ {2}"(.*)" (?:mix|ixr|mr|r|wlk|rwlk),$/.exec(line) ?? [];
  if (path === undefined) return false;
  const glob = parseGlob(path);
  return 'expanded' in glob && glob.expanded === path;
}
