import type { Finding } from '../profile.ts';
import { companions } from './architecture.ts';
import { argumentSet } from './argument-set.ts';
import { intersectBoxes } from './box.ts';
import type { Decision, Meaning } from './meaning.ts';
import { decisionOf, meaningOf } from './meaning.ts';
import type { SeccompProfile, SeccompRule } from './model.ts';
import { describeOutcome, outcomeOf, sameOutcome, strictness } from './outcome.ts';
import { runtimeNeeds } from './runtime-needs.ts';
import { isKnownSyscall, syscallNames } from './syscall-names.ts';
import { nearest } from './vocabulary.ts';

/** Overlaps are looked for in syscalls with at most so many conditions, so that lint stays quick. */
const maxOverlapRegions = 64;

/**
 * Findings of a seccomp profile, those of the whole first, then in the order of its entries. Codes: allow-everything,
 * missing-architecture, missing-runtime-syscalls, unknown-syscall, entry-equals-default, duplicate-entry,
 * unreachable-entry, never-matches, overlapping-actions, unreliable-comparison.
 */
export function lintSeccomp(profile: SeccompProfile): readonly Finding[] {
  const meaning = meaningOf(profile);
  return [...lintWhole(profile, meaning), ...lintEntries(profile), ...lintConditions(profile, meaning)];
}

function lintWhole(profile: SeccompProfile, meaning: Meaning): readonly Finding[] {
  const findings: Finding[] = [];
  const decisions = [meaning.otherwise, ...meaning.decisions.values()];
  if (decisions.every((decision) => levels(decision).every((level) => level <= 1))) {
    findings.push(warning('allow-everything', '/defaultAction', 'nothing is denied: the profile does not confine'));
  }
  const listed = profile.architectures ?? [];
  for (const native of listed) {
    const missing = companions(native).filter((name) => !listed.includes(name));
    if (missing.length === 0) continue;
    const message = `${native} without ${missing.join(' and ')}: such programs are killed on the same machines`;
    findings.push(info('missing-architecture', '/architectures', message));
  }
  const missing = runtimeNeeds.filter((names) => names.every((name) => isDenied(decisionOf(meaning, name))));
  if (missing.length > 0) {
    const message = `runc may fail to start a container without ${missing.map((names) => names.join(' or ')).join(', ')}`;
    findings.push(warning('missing-runtime-syscalls', '/syscalls', message));
  }
  return findings;
}

function levels({ regions, otherwise }: Decision): readonly number[] {
  return [otherwise, ...regions.map(({ outcome }) => outcome)].map(strictness);
}

function isDenied(decision: Decision): boolean {
  return levels(decision).every((level) => level > 2);
}

function lintEntries(profile: SeccompProfile): readonly Finding[] {
  const findings: Finding[] = [];
  const byDefault = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const unconditional = new Map<string, string>();
  const seen = new Map<string, string>();
  const names = new NameCheck(profile.architectures ?? []);
  for (const [index, rule] of (profile.syscalls ?? []).entries()) {
    const pointer = `/syscalls/${index}`;
    const outcome = outcomeOf(rule.action, rule.errnoRet);
    findings.push(...names.findings(rule, pointer), ...lintNeverMatching(rule, pointer));
    if (sameOutcome(outcome, byDefault)) {
      const message = `the entry says ${describeOutcome(outcome)} like the default: runtimes skip it`;
      findings.push(info('entry-equals-default', pointer, message));
      continue;
    }
    const conditions = (rule.args ?? [])
      .map((arg) => `${arg.index} ${arg.op} ${arg.value} ${arg.valueTwo ?? 0n}`)
      .join();
    for (const [position, name] of rule.names.entries()) {
      const at = `${pointer}/names/${position}`;
      const key = `${name} ${describeOutcome(outcome)} ${conditions}`;
      const same = seen.get(key);
      const first = unconditional.get(name);
      if (same !== undefined) findings.push(info('duplicate-entry', at, `${name}: says the same as ${same}`));
      else if (first !== undefined) {
        findings.push(warning('unreachable-entry', at, `${name}: ${first} has no conditions and decides alone`));
      }
      if (same === undefined) seen.set(key, at);
      if (conditions === '' && first === undefined) unconditional.set(name, at);
    }
  }
  return findings;
}

class NameCheck {
  readonly #architectures: readonly string[];
  /** To look for similar names takes time, so that it is done for the first few only. */
  #suggestions = 32;

  constructor(architectures: readonly string[]) {
    this.#architectures = architectures;
  }

  findings(rule: SeccompRule, pointer: string): readonly Finding[] {
    const findings: Finding[] = [];
    for (const [position, name] of rule.names.entries()) {
      if (isKnownSyscall(name, this.#architectures)) continue;
      const meant = this.#meant(name);
      const help = meant === undefined ? 'runtimes ignore it' : `did you mean ${meant}?`;
      const message = `${JSON.stringify(name)} is no syscall of the listed architectures: ${help}`;
      findings.push(warning('unknown-syscall', `${pointer}/names/${position}`, message));
    }
    return findings;
  }

  #meant(name: string): string | undefined {
    if (isKnownSyscall(name, []) || this.#suggestions === 0) return undefined;
    this.#suggestions -= 1;
    return nearest(name, syscallNames());
  }
}

function lintNeverMatching(rule: SeccompRule, pointer: string): readonly Finding[] {
  return (rule.args ?? []).flatMap((arg, position) => {
    if (argumentSet(arg) !== 'none') return [];
    return [warning('never-matches', `${pointer}/args/${position}`, `${arg.op} ${arg.value} matches no value`)];
  });
}

function lintConditions(profile: SeccompProfile, meaning: Meaning): readonly Finding[] {
  const findings: Finding[] = [];
  const rules = new Map<string, { readonly first: string; readonly all: SeccompRule[] }>();
  for (const [index, rule] of (profile.syscalls ?? []).entries()) {
    if ((rule.args ?? []).length === 0) continue;
    for (const name of rule.names) {
      const found = rules.get(name);
      if (found === undefined) rules.set(name, { first: `/syscalls/${index}`, all: [rule] });
      else found.all.push(rule);
    }
  }
  for (const [name, { first, all }] of rules) {
    const decision = decisionOf(meaning, name);
    if (decision.regions.length < 2) continue;
    if (hasOverlap(decision)) {
      const message = `${name}: conditions with different actions overlap: which one holds is up to the runtime`;
      findings.push(warning('overlapping-actions', first, message));
    }
    const doubt = doubtAbout(all);
    if (doubt !== undefined) {
      const message = `${name}: libseccomp 2.5 ${doubt === 'does' ? 'joins' : 'may join'} these conditions wrongly: use SCMP_CMP_EQ or SCMP_CMP_MASKED_EQ`;
      const finding = doubt === 'does' ? warning : info;
      findings.push(finding('unreliable-comparison', first, message));
    }
  }
  return findings;
}

function hasOverlap({ regions }: Decision): boolean {
  if (regions.length > maxOverlapRegions) return false;
  return regions.some((a, index) =>
    regions.slice(index + 1).some((b) => !sameOutcome(a.outcome, b.outcome) && intersectBoxes(a.box, b.box).length > 0),
  );
}

/**
 * How surely libseccomp joins several rules of one syscall wrongly (see encodeDecision): rules with LT or LE, or with
 * NE, GE or GT among several conditions, often; rules of one NE, GE or GT beside rules of several EQ, seldom.
 */
function doubtAbout(rules: readonly SeccompRule[]): 'does' | 'may' | undefined {
  const lists = rules.map((rule) => rule.args ?? []);
  const isSingle = (list: (typeof lists)[number]) =>
    list.length === 1 || new Set(list.map(({ index }) => index)).size < list.length;
  const uses = (list: (typeof lists)[number], ...operators: string[]) => list.some(({ op }) => operators.includes(op));
  if (lists.some((list) => uses(list, 'SCMP_CMP_LT', 'SCMP_CMP_LE'))) return 'does';
  const loose = lists.filter((list) => uses(list, 'SCMP_CMP_NE', 'SCMP_CMP_GE', 'SCMP_CMP_GT'));
  if (loose.length === 0 || lists.every(isSingle)) return undefined;
  return loose.every(isSingle) ? 'may' : 'does';
}

function warning(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'warning', message, pointer };
}

function info(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'info', message, pointer };
}
