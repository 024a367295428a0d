import type { Finding } from '../finding.ts';
import { info, warning } from '../finding.ts';
import { lintPaths } from './lint-paths.ts';
import type { AppArmorProfile } from './model.ts';
import { dangerousCapabilities } from './vocabulary.ts';

/**
 * Returns the findings of an AppArmor profile, those of whole sections first, then in the order of
 * its lists. Codes: allow-everything, unspecified-section, complain-mode, nothing-executable,
 * executes-everywhere, writes-everywhere, writable-executable, read-and-write,
 * dangerous-capability, raw-sockets, duplicate-path, covered-path, never-permitted,
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
    findings.push(warning('allow-everything', '', 'no section is present: the profile confines nothing'));
  } else {
    for (const section of absent) {
      const message = `"${section}" is missing, which permits everything of its kind; an empty section permits nothing`;
      findings.push(warning('unspecified-section', '', message));
    }
  }
  if (profile.mode === 'Complain') {
    findings.push(warning('complain-mode', '', 'in complain mode nothing is denied, only logged'));
  }
  if (profile.mode === 'Enforce' && profile.executable?.allowedExecutables.length === 0) {
    const message = 'no program may be executed except the one that the runtime starts in the container';
    findings.push(warning('nothing-executable', '/executable/allowedExecutables', message));
  }
  if (profile.network?.allowRaw) {
    findings.push(warning('raw-sockets', '/network/allowRaw', 'raw sockets let a process forge and read packets'));
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
