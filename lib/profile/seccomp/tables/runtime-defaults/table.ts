import type { SeccompAction, SeccompArg, SeccompRule } from '../../model.ts';
import type { MachineArchitecture } from '../architecture.ts';
import type { RuntimeName } from '../runtime-identity.ts';

/**
 * For which machines, kernels and bounding sets a rule is part of the profile; each condition that
 * is present must hold.
 */
export interface RuleCondition {
  readonly arch?: readonly MachineArchitecture[];
  readonly notArch?: readonly MachineArchitecture[];
  /** The oldest kernel, as `major.minor`. */
  readonly minKernel?: string;
  /** The bounding set has all of these. */
  readonly allCaps?: readonly string[];
  /** The bounding set has none of these. */
  readonly noneOfCaps?: readonly string[];
}

export interface RuntimeDefaultRule extends SeccompRule {
  readonly when?: RuleCondition;
}

/**
 * Releases from `first` to `last`; a `last` without a patch number includes every patch release.
 */
export type VersionSpan = readonly [first: string, last: string];

/**
 * The default seccomp profile of some releases of a runtime, before it is resolved for a container.
 * Every known one has the architectures of {@link architectureFamily}: the lists differ only for
 * machines that run one architecture.
 */
export interface RuntimeDefaultTable {
  readonly runtime: RuntimeName;
  /** In ascending order. */
  readonly versions: readonly VersionSpan[];
  /** The repository, tag and file that the rules were read from. */
  readonly source: string;
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet: number;
  /** In the order of the source: of two unconditional rules for a syscall the first one holds. */
  readonly rules: readonly RuntimeDefaultRule[];
}

/** What changed from one table to a later one. */
export interface TableChange extends Pick<RuntimeDefaultTable, 'versions' | 'source'> {
  /** Names to take out of the rule that has the same action, arguments and condition. */
  readonly remove?: readonly RuntimeDefaultRule[];
  /**
   * Names to add to the rule that has the same action, arguments and condition; a new rule is
   * appended.
   */
  readonly add?: readonly RuntimeDefaultRule[];
}

/** Returns a rule that allows `names`, separated by white space. */
export function allow(names: string, when?: RuleCondition, args?: readonly SeccompArg[]): RuntimeDefaultRule {
  return { names: words(names), action: 'SCMP_ACT_ALLOW', ...(args && { args }), ...(when && { when }) };
}

/** Returns a rule that answers `names`, separated by white space, with an error number. */
export function refuse(
  errnoRet: number,
  names: string,
  when?: RuleCondition,
  args?: readonly SeccompArg[],
): RuntimeDefaultRule {
  return { names: words(names), action: 'SCMP_ACT_ERRNO', errnoRet, ...(args && { args }), ...(when && { when }) };
}

/**
 * Returns the table that a change makes of an earlier one.
 *
 * @throws Error for a removal that the earlier table has no rule for, or an addition that it has
 * already.
 */
export function revise(earlier: RuntimeDefaultTable, change: TableChange): RuntimeDefaultTable {
  const { add = [], remove = [], ...described } = change;
  let rules = earlier.rules;
  for (const removal of remove) rules = without(rules, removal);
  for (const addition of add) rules = withAddition(rules, addition);
  return { ...earlier, ...described, rules };
}

function without(rules: readonly RuntimeDefaultRule[], removal: RuntimeDefaultRule): readonly RuntimeDefaultRule[] {
  const gone = new Set(removal.names);
  const changed = rules.map((rule) =>
    isSameRule(rule, removal) ? { ...rule, names: rule.names.filter((name) => !gone.has(name)) } : rule,
  );
  const found = new Set(rules.filter((rule) => isSameRule(rule, removal)).flatMap(({ names }) => names));
  const missing = removal.names.filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`the earlier table has no such rule for ${missing.join(', ')}`);
  return changed.filter(({ names }) => names.length > 0);
}

function withAddition(
  rules: readonly RuntimeDefaultRule[],
  addition: RuntimeDefaultRule,
): readonly RuntimeDefaultRule[] {
  const at = rules.findIndex((rule) => isSameRule(rule, addition));
  const same = rules[at];
  if (same === undefined) return [...rules, addition];
  const present = addition.names.filter((name) => same.names.includes(name));
  if (present.length > 0) throw new Error(`the earlier table has the rule for ${present.join(', ')} already`);
  return rules.with(at, { ...same, names: [...same.names, ...addition.names].sort() });
}

/** Reports whether two rules differ in their names at most. */
function isSameRule(one: RuntimeDefaultRule, other: RuntimeDefaultRule): boolean {
  return ruleKey(one) === ruleKey(other);
}

function ruleKey({ action, errnoRet, args = [], when = {} }: RuntimeDefaultRule): string {
  const conditions = args.map(({ index, op, value, valueTwo = 0n }) => `${index} ${op} ${value} ${valueTwo}`);
  const { arch, notArch, minKernel, allCaps, noneOfCaps } = when;
  return JSON.stringify([action, errnoRet, conditions, arch, notArch, minKernel, allCaps, noneOfCaps]);
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
