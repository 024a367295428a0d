import { outcomeOf, sameOutcome } from './algebra/outcome.ts';
import { intersect } from './intersect.ts';
import type { SeccompAction, SeccompProfile, SeccompRule } from './model.ts';
import type { ProfileHost } from './read/resolve-docker.ts';
import { architectureFamily, nativeArchitecture } from './tables/architecture.ts';
import { isKernelAtLeast } from './tables/kernel-release.ts';
import type { RuleCondition, RuntimeDefaultTable } from './tables/runtime-defaults/table.ts';

/**
 * Returns the seccomp profile that a runtime applies to one container under RuntimeDefault.
 *
 * @param tables what {@link loadRuntimeDefaults} returns for the runtime, at least one; of several
 * the intersection.
 * @param host the machine, the kernel, and the container's bounding set: `CAP_SYS_ADMIN` or
 * `SYS_ADMIN`, in any case; `ALL` stands for all.
 */
export function runtimeDefault(tables: readonly RuntimeDefaultTable[], host: ProfileHost): SeccompProfile {
  const held = capabilitySet(host.capabilities);
  const profiles = tables.map((table) => resolve(table, host, held));
  const [only] = profiles;
  if (only !== undefined && profiles.length === 1) return only;
  return intersect(profiles, nativeArchitecture(host.architecture)).profile;
}

/**
 * Returns the rules that hold, each syscall once: runtimes leave out rules that repeat the default,
 * and libseccomp lets the first unconditional rule for a syscall decide alone.
 */
function resolve(table: RuntimeDefaultTable, host: ProfileHost, has: (capability: string) => boolean): SeccompProfile {
  const byDefault = outcomeOf(table.defaultAction, table.defaultErrnoRet);
  const rules = table.rules.filter(
    ({ action, errnoRet, when }) =>
      (when === undefined || holds(when, host, has)) && !sameOutcome(outcomeOf(action, errnoRet), byDefault),
  );
  const decided = new Set<string>();
  const unconditional = new Map<string, { names: string[]; action: SeccompAction; errnoRet?: number }>();
  for (const { names, action, errnoRet, args } of rules) {
    if (args !== undefined) continue;
    const key = `${action} ${errnoRet}`;
    const entry = unconditional.get(key) ?? { names: [], action, ...(errnoRet !== undefined && { errnoRet }) };
    unconditional.set(key, entry);
    for (const name of names) if (decided.size < decided.add(name).size) entry.names.push(name);
  }
  const conditional: SeccompRule[] = [];
  for (const { names, when: _, ...rule } of rules) {
    const left = rule.args === undefined ? [] : names.filter((name) => !decided.has(name));
    if (left.length > 0) conditional.push({ names: left, ...rule });
  }
  const entries = [...unconditional.values()].filter(({ names }) => names.length > 0);
  const { defaultAction, defaultErrnoRet } = table;
  return {
    defaultAction,
    defaultErrnoRet,
    architectures: architectureFamily(host.architecture),
    syscalls: [...entries.map((entry) => ({ ...entry, names: entry.names.sort() })), ...conditional],
  };
}

function holds(
  { arch, notArch, minKernel, allCaps, noneOfCaps }: RuleCondition,
  { architecture, kernel }: ProfileHost,
  has: (capability: string) => boolean,
): boolean {
  return (
    (arch === undefined || arch.includes(architecture)) &&
    (notArch === undefined || !notArch.includes(architecture)) &&
    (minKernel === undefined || isKernelAtLeast(kernel, minKernel)) &&
    (allCaps === undefined || allCaps.every(has)) &&
    (noneOfCaps === undefined || !noneOfCaps.some(has))
  );
}

function capabilitySet(names: readonly string[]): (capability: string) => boolean {
  const held = new Set(names.map((name) => name.toUpperCase().replace(/^(?!CAP_)/, 'CAP_')));
  return (capability) => held.has(capability) || held.has('CAP_ALL');
}
