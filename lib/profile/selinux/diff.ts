import type { RawSelinuxProfile, SelinuxProfile } from './model.ts';
import { grants, inheritedBlocks, rules } from './rules.ts';

/** One difference in meaning. */
export interface SelinuxChange {
  readonly change: 'loosened' | 'tightened';
  /**
   * `allow var_log_t file write`, `inherit System net_container`, `attribute sandbox_net_domain
   * @self`, or `mode`.
   */
  readonly subject: string;
}

/**
 * Returns what is permitted under `after` and was not under `before` (loosened), and the other way
 * round (tightened), sorted by subject. Names of profiles, order, spelling and dontaudit rules play
 * no part; a raw profile may be compared with one that is not. Only the node knows what an
 * inherited policy permits: more of them is looser.
 */
export function diffSelinux(
  before: SelinuxProfile | RawSelinuxProfile,
  after: SelinuxProfile | RawSelinuxProfile,
): readonly SelinuxChange[] {
  const [old, now] = [permissions(before), permissions(after)];
  const changes: SelinuxChange[] = [];
  for (const subject of now) if (!old.has(subject)) changes.push({ change: 'loosened', subject });
  for (const subject of old) if (!now.has(subject)) changes.push({ change: 'tightened', subject });
  return changes.sort((a, b) => (a.subject < b.subject ? -1 : 1));
}

/** Reports whether two profiles permit the same. */
export function equalsSelinux(a: SelinuxProfile | RawSelinuxProfile, b: SelinuxProfile | RawSelinuxProfile): boolean {
  return diffSelinux(a, b).length === 0;
}

/** Returns everything that makes a profile looser, as text. */
function permissions(profile: SelinuxProfile | RawSelinuxProfile): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { kind, name } of inheritedBlocks(profile)) found.add(`inherit ${kind} ${name}`);
  for (const grant of grants(rules(profile))) found.add(`allow ${grant.join(' ')}`);
  if (profile.kind === 'SELinux') {
    if (profile.mode === 'Permissive') found.add('mode');
    return found;
  }
  for (const statement of profile.policy) {
    if (statement.statement !== 'typeattributeset') continue;
    for (const type of statement.types) found.add(`attribute ${statement.attribute} ${type}`);
  }
  return found;
}
