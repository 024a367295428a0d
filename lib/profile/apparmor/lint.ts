import type { Finding } from '../profile.ts';
import { globsOf } from './access.ts';
import type { Budget } from './glob/budget.ts';
import { newBudget } from './glob/budget.ts';
import { isCovered } from './glob/cover.ts';
import type { Glob } from './glob/glob.ts';
import type { AppArmorProfile } from './model.ts';
import { PathIndex } from './path-index.ts';
import { dangerousCapabilities } from './vocabulary.ts';

const [anyFile] = globsOf(['/**']) as readonly [Glob];

/** Paths that the default rules of every policy deny for writing, whatever a profile lists. */
const neverWritten = globsOf(['/proc/*', '/proc/sys/{[^k]**,k[^e]**}', '/sys/{[^f]*,f[^s]*}/**']);

/**
 * Findings of an AppArmor profile, those of whole sections first, then in the order of its lists. Codes:
 * allow-everything, unspecified-section, complain-mode, nothing-executable, executes-everywhere, writes-everywhere,
 * writable-executable, dangerous-capability, raw-sockets, duplicate-path, covered-path, never-permitted,
 * duplicate-capability.
 */
export function lintAppArmor(profile: AppArmorProfile): readonly Finding[] {
  return [...lintSections(profile), ...lintPaths(profile), ...lintCapabilities(profile)];
}

function lintSections(profile: AppArmorProfile): readonly Finding[] {
  const findings: Finding[] = [];
  const absent = (['executable', 'filesystem', 'network', 'capability'] as const).filter(
    (section) => profile[section] === undefined,
  );
  if (absent.length === 4) {
    findings.push(warning('allow-everything', '', 'no section is there: the profile does not confine'));
  } else {
    for (const section of absent) {
      const message = `"${section}" is not there, which permits everything of its kind; an empty section permits nothing`;
      findings.push(warning('unspecified-section', '', message));
    }
  }
  if (profile.mode === 'Complain') {
    findings.push(warning('complain-mode', '', 'in complain mode nothing is denied, only logged'));
  }
  if (profile.executable?.allowedExecutables.length === 0) {
    const message = 'no program may be executed: a container with this profile cannot start';
    findings.push(warning('nothing-executable', '/executable/allowedExecutables', message));
  }
  if (profile.network?.allowRaw) {
    findings.push(warning('raw-sockets', '/network/allowRaw', 'raw sockets let a process forge and read packets'));
  }
  return findings;
}

interface Listed {
  readonly glob: Glob;
  readonly pointer: string;
  readonly list: string;
}

function lintPaths({ executable, filesystem }: AppArmorProfile): readonly Finding[] {
  const budget = newBudget();
  const listed = [
    ...listOf('/executable/allowedExecutables', executable?.allowedExecutables),
    ...listOf('/executable/allowedLibraries', executable?.allowedLibraries),
    ...listOf('/filesystem/readOnlyPaths', filesystem?.readOnlyPaths),
    ...listOf('/filesystem/writeOnlyPaths', filesystem?.writeOnlyPaths),
    ...listOf('/filesystem/readWritePaths', filesystem?.readWritePaths),
  ];
  return [...lintRepeats(listed, budget), ...lintWidths(listed, budget)];
}

function listOf(list: string, paths: readonly string[] = []): readonly Listed[] {
  return globsOf(paths).map((glob, index) => ({ glob, list, pointer: `${list}/${index}` }));
}

/** What grants all that the paths of a list are granted: the list itself, and one that grants more. */
const alsoGrantedBy: Readonly<Record<string, string>> = {
  '/executable/allowedLibraries': '/executable/allowedExecutables',
  '/filesystem/readOnlyPaths': '/filesystem/readWritePaths',
  '/filesystem/writeOnlyPaths': '/filesystem/readWritePaths',
};

function lintRepeats(listed: readonly Listed[], budget: Budget): readonly Finding[] {
  const findings: Finding[] = [];
  const lists = Map.groupBy(listed, ({ list }) => list);
  const indexOf = (list = '') => new PathIndex((lists.get(list) ?? []).map(({ glob }) => glob));
  for (const [list, entries] of lists) {
    const [own, wider] = [indexOf(list), indexOf(alsoGrantedBy[list])];
    const seen = new Set<string>();
    for (const { glob, pointer } of entries) {
      const near = (own.near(glob, budget) ?? []).filter(({ expanded }) => expanded !== glob.expanded);
      const cover =
        near.find((other) => isCovered(glob, [other], budget) && !isCovered(other, [glob], budget)) ??
        wider.near(glob, budget)?.find((other) => isCovered(glob, [other], budget));
      if (seen.has(glob.expanded)) findings.push(info('duplicate-path', pointer, `${glob.text} is listed twice`));
      else if (cover !== undefined) {
        findings.push(info('covered-path', pointer, `${glob.text} is permitted by ${cover.text} already`));
      }
      seen.add(glob.expanded);
    }
  }
  return findings;
}

function lintWidths(listed: readonly Listed[], budget: Budget): readonly Finding[] {
  const findings: Finding[] = [];
  const written = listed.filter(({ list }) => /readWritePaths|writeOnlyPaths/.test(list));
  const executed = new PathIndex(
    listed.filter(({ list }) => list.endsWith('allowedExecutables')).map(({ glob }) => glob),
  );
  for (const { glob, pointer } of listed.filter(({ list }) => list.endsWith('allowedExecutables'))) {
    if (isCovered(anyFile, [glob], budget)) {
      findings.push(warning('executes-everywhere', pointer, `${glob.text} lets every file be executed`));
    }
  }
  for (const { glob, pointer } of written) {
    if (isCovered(anyFile, [glob], budget)) {
      findings.push(warning('writes-everywhere', pointer, `${glob.text} lets every file be written`));
    } else if (isCovered(glob, neverWritten, budget)) {
      const message = `${glob.text} stays denied: no container policy permits writing there`;
      findings.push(warning('never-permitted', pointer, message));
    }
    const program = executed.near(glob, budget)?.find((other) => isCovered(other, [glob], budget));
    if (program !== undefined) {
      const message = `${glob.text} may be written and ${program.text} executed: a process can run what it wrote`;
      findings.push(warning('writable-executable', pointer, message));
    }
  }
  return findings;
}

function lintCapabilities({ capability }: AppArmorProfile): readonly Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const [index, name] of (capability?.allowedCapabilities ?? []).entries()) {
    const pointer = `/capability/allowedCapabilities/${index}`;
    if (seen.has(name)) findings.push(info('duplicate-capability', pointer, `${name} is listed twice`));
    else if (dangerousCapabilities.has(name)) {
      findings.push(
        warning('dangerous-capability', pointer, `${name} lets a process undo confinement or take the node`),
      );
    }
    seen.add(name);
  }
  return findings;
}

function warning(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'warning', message, pointer };
}

function info(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'info', message, pointer };
}
