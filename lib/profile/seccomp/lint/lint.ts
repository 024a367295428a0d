import { closest } from '#lib/text/closest';
import type { Finding } from '../../finding.ts';
import { argumentSet } from '../algebra/argument-set.ts';
import { haveCommonCall } from '../algebra/box.ts';
import type { Decision, Region } from '../algebra/decision.ts';
import type { Meaning } from '../algebra/meaning.ts';
import { meaningOf } from '../algebra/meaning.ts';
import { describeOutcome, outcomeOf, sameOutcome, strictness } from '../algebra/outcome.ts';
import { boxOf } from '../algebra/rule-regions.ts';
import { loadDelay, loadedRules } from '../libseccomp/load-cost.ts';
import { doubtAbout } from '../libseccomp/reliability.ts';
import type { SeccompProfile, SeccompRule } from '../model.ts';
import { companions } from '../tables/architecture.ts';
import { isKnownSyscall, syscallNames } from '../tables/syscall-names.ts';
import { lintAlternatives } from './lint-alternatives.ts';
import { lintStart } from './lint-start.ts';
import { lintWideComparisons } from './lint-wide-comparisons.ts';

/**
 * Overlaps are looked for in syscalls with at most this many conditions, so that lint stays quick.
 */
const maxOverlapRegions = 64;

/**
 * Returns the findings of a seccomp profile, those of the whole first, then in the order of its
 * entries. Codes: allow-everything, missing-architecture, missing-runtime-syscalls,
 * unknown-syscall, entry-equals-default, duplicate-entry, unreachable-entry, never-matches,
 * always-matches, alternative-conditions, overlapping-actions, unreliable-comparison, slow-to-load,
 * wide-comparison.
 */
export function lintSeccomp(profile: SeccompProfile): readonly Finding[] {
  const meaning = meaningOf(profile);
  const entries = conditionalEntries(profile);
  return [
    ...lintWhole(profile, meaning),
    ...lintEntries(profile),
    ...lintAlternatives(entries),
    ...lintConditions(entries),
    ...lintWideComparisons(profile.architectures ?? [], meaning, entries),
  ];
}

function lintWhole(profile: SeccompProfile, meaning: Meaning): readonly Finding[] {
  const findings: Finding[] = [];
  const decisions = [meaning.otherwise, ...meaning.decisions.values()];
  if (decisions.every((decision) => levels(decision).every((level) => level <= 1))) {
    findings.push(warning('allow-everything', '/defaultAction', 'nothing is denied: the profile confines nothing'));
  }
  const listed = profile.architectures ?? [];
  for (const native of listed) {
    const missing = companions(native).filter((name) => !listed.includes(name));
    if (missing.length === 0) continue;
    const message = `${native} without ${missing.join(' and ')}: such programs are killed on the same machines`;
    findings.push(info('missing-architecture', '/architectures', message));
  }
  findings.push(...lintStart(listed, meaning));
  return findings;
}

function levels({ regions, otherwise }: Decision): readonly number[] {
  return [otherwise, ...regions.map(({ outcome }) => outcome)].map(strictness);
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
    findings.push(...names.findings(rule, pointer), ...lintSingleConditions(rule, pointer));
    if (sameOutcome(outcome, byDefault)) {
      const message = `the entry has the result of the default, ${describeOutcome(outcome)}: runtimes skip it`;
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
      if (same !== undefined) findings.push(info('duplicate-entry', at, `${name}: repeats ${same}`));
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
      const message = `${JSON.stringify(name)} is not a syscall of the listed architectures: ${help}`;
      findings.push(warning('unknown-syscall', `${pointer}/names/${position}`, message));
    }
    return findings;
  }

  #meant(name: string): string | undefined {
    if (isKnownSyscall(name, []) || this.#suggestions === 0) return undefined;
    this.#suggestions -= 1;
    return closest(name, syscallNames());
  }
}

function lintSingleConditions(rule: SeccompRule, pointer: string): readonly Finding[] {
  return (rule.args ?? []).flatMap((arg, position) => {
    const { op, value, valueTwo = 0n } = arg;
    const set = argumentSet(arg);
    const at = `${pointer}/args/${position}`;
    if (set === 'none') return [warning('never-matches', at, `${op} ${value} matches no value`)];
    if (set !== undefined) return [];
    const isSwapped = op === 'SCMP_CMP_MASKED_EQ' && valueTwo !== 0n;
    const help = isSwapped ? `: "value" is the mask, and "valueTwo" (${valueTwo}) what it must leave` : '';
    return [warning('always-matches', at, `${op} ${value} matches every value${help}`)];
  });
}

/**
 * The entries of one syscall that have an effect, up to the first without conditions, with their
 * places in the profile.
 */
interface Entries {
  readonly rules: SeccompRule[];
  readonly places: number[];
  isOver: boolean;
}

function lintConditions(entries: ReadonlyMap<string, Entries>): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [name, { rules, places, isOver }] of entries) {
    const first = `/syscalls/${places[0]}`;
    findings.push(...lintLoad(name, rules, places));
    // Rules that match nothing are joined with the others too.
    if (isOver || rules.flatMap(({ args = [] }) => loadedRules(args)).length < 2) continue;
    if (hasOverlap(alternativesOf(rules))) {
      const message = `${name}: conditions with different actions overlap: which one applies depends on the runtime`;
      findings.push(warning('overlapping-actions', first, message));
    }
    const doubt = doubtAbout(rules.flatMap(({ args = [] }) => loadedRules(args)));
    if (doubt !== undefined) {
      const message = `${name}: libseccomp ${doubt === 'does' ? 'joins' : 'may join'} these conditions wrongly: use SCMP_CMP_EQ or SCMP_CMP_MASKED_EQ, on the same arguments in all of them`;
      const finding = doubt === 'does' ? warning : info;
      findings.push(finding('unreliable-comparison', first, message));
    }
  }
  return findings;
}

function conditionalEntries(profile: SeccompProfile): ReadonlyMap<string, Entries> {
  const byDefault = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const entries = new Map<string, Entries>();
  for (const [place, rule] of (profile.syscalls ?? []).entries()) {
    if (sameOutcome(outcomeOf(rule.action, rule.errnoRet), byDefault)) continue;
    const isOver = loadedRules(rule.args ?? []).some((conditions) => conditions.length === 0);
    for (const name of rule.names) {
      const found = entries.get(name);
      if (found === undefined) {
        entries.set(name, isOver ? { rules: [], places: [], isOver } : { rules: [rule], places: [place], isOver });
      } else if (isOver) found.isOver = true;
      else if (!found.isOver) {
        found.rules.push(rule);
        found.places.push(place);
      }
    }
  }
  return entries;
}

/**
 * Returns findings about entries over which libseccomp takes long: runtimes wait for it, however
 * long it takes.
 */
function lintLoad(name: string, entries: readonly SeccompRule[], places: readonly number[]): readonly Finding[] {
  if (entries.length < 2) return [];
  const loaded = entries.flatMap(({ args = [] }, at) => loadedRules(args).map((conditions) => ({ conditions, at })));
  const delay = loadDelay(loaded.map(({ conditions }) => conditions));
  if (delay === undefined) return [];
  const pointer = `/syscalls/${places[loaded[delay.rule]?.at ?? 0]}`;
  const message =
    delay.cause === 'endless'
      ? `${name}: this entry shares a comparison with another and continues with a different one: libseccomp 2.5 may never finish, and no container starts: use SCMP_CMP_EQ or SCMP_CMP_MASKED_EQ`
      : `${name}: ${entries.length} entries that do not all compare the same arguments can keep libseccomp 2.5, and the start of a container, busy for minutes: compare the same arguments in all of them, or use fewer entries`;
  return [warning('slow-to-load', pointer, message)];
}

/** Returns what each rule that libseccomp gets for some entries matches, and its outcome. */
function alternativesOf(entries: readonly SeccompRule[]): readonly Region[] {
  return entries.flatMap((entry) => {
    const outcome = outcomeOf(entry.action, entry.errnoRet);
    return loadedRules(entry.args ?? []).flatMap((conditions) => {
      const box = boxOf(conditions);
      return box === undefined ? [] : [{ box, outcome }];
    });
  });
}

function hasOverlap(regions: readonly Region[]): boolean {
  if (regions.length > maxOverlapRegions) return false;
  return regions.some((a, index) =>
    regions.slice(index + 1).some((b) => !sameOutcome(a.outcome, b.outcome) && haveCommonCall(a.box, b.box)),
  );
}

function warning(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'warning', message, pointer };
}

function info(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'info', message, pointer };
}
