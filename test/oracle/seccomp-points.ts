import { type NumberedCall, nativeArchitecture } from './load-profile.ts';
import { type Call, memberOf, multiplexerOf, type OracleProfile } from './seccomp-evaluate.ts';

/**
 * A call with its name and its number: what the written profile and the loaded one are asked about.
 */
export type Point = Call & NumberedCall;

/** Numbers of system calls by name, for each architecture. */
export type Tables = ReadonlyMap<string, ReadonlyMap<string, number>>;

const max = 2n ** 64n - 1n;
const low = 2n ** 32n - 1n;

/**
 * Returns calls at which profiles are compared, on every architecture of `tables`, and fewer on
 * those that no profile lists: each name that a profile has, by its number and through its
 * multiplexer, and some that none has, with arguments at and beside the corners of the conditions,
 * with and without an upper half.
 *
 * @param random returns a number from 0 up to, and without, its argument.
 * @param native the architecture of the machine, which every profile is about.
 * @param limit how many names are asked about at most; those with conditions go first.
 */
export function samplePoints(
  profiles: readonly OracleProfile[],
  tables: Tables,
  random: (below: number) => number,
  native: string = nativeArchitecture,
  limit = 12,
): readonly Point[] {
  const names = sampledNames(profiles, random, limit);
  const listed = new Set([native, ...profiles.flatMap(({ architectures = [] }) => architectures)]);
  const points: Point[] = [];
  for (const [architecture, table] of tables) {
    // A filter has one answer to all calls of an architecture that was not added.
    for (const name of listed.has(architecture) ? names : names.slice(0, 4)) {
      const number = table.get(name);
      if (number !== undefined) {
        const conditions = rulesOf(profiles, [name]);
        for (const args of sampleArguments(conditions, random)) {
          points.push({ architecture, syscall: name, number, args });
        }
      }
      const through = multiplexerOf(architecture, name);
      const entrance = table.get(through?.name ?? '');
      if (through === undefined || entrance === undefined) continue;
      for (const args of sampleArguments(rulesOf(profiles, [name, through.name]), random)) {
        const upper = args[0] !== undefined && random(4) === 0 ? args[0] & (max ^ low) : 0n;
        const made = { architecture, syscall: through.name, args: [through.first | upper, ...args.slice(1)] };
        points.push({ ...made, number: entrance });
      }
    }
  }
  return points;
}

/**
 * Returns the names by which a point is known to a profile: that of its number, and that of the
 * call it stands for.
 */
export function namesOf(point: Call): readonly string[] {
  const member = memberOf(point);
  return member === undefined ? [point.syscall] : [point.syscall, member];
}

function sampledNames(
  profiles: readonly OracleProfile[],
  random: (below: number) => number,
  limit: number,
): readonly string[] {
  const conditional = new Set<string>();
  const others = new Set<string>();
  for (const { syscalls = [] } of profiles) {
    for (const { names, args = [] } of syscalls) {
      for (const name of names) (args.length > 0 ? conditional : others).add(name);
    }
  }
  const shuffled = (set: ReadonlySet<string>): string[] =>
    [...set]
      .map((name) => ({ name, at: random(2 ** 30) }))
      .sort((a, b) => a.at - b.at)
      .map(({ name }) => name);
  const unnamed = ['getuid', 'bind', 'shmdt'].filter((name) => !conditional.has(name) && !others.has(name));
  const named = [...new Set([...shuffled(conditional), ...shuffled(others)])];
  return [...unnamed, ...named.slice(0, limit)];
}

type Conditions = readonly {
  readonly index: number;
  readonly value: bigint;
  readonly valueTwo?: bigint;
  readonly op: string;
}[];

function rulesOf(profiles: readonly OracleProfile[], names: readonly string[]): readonly Conditions[] {
  return profiles
    .flatMap(({ syscalls = [] }) => syscalls)
    .filter(
      (rule) => rule.args !== undefined && rule.args.length > 0 && rule.names.some((name) => names.includes(name)),
    )
    .map(({ args = [] }) => args);
}

/** How many argument lists a call is tried with at most. */
const mostTuples = 64;

/**
 * Argument lists: for each rule one that meets it, and that one with each corner of each argument
 * that it compares in turn, so that a filter that takes one comparison for another shows; and some
 * at random.
 */
function sampleArguments(rules: readonly Conditions[], random: (below: number) => number): readonly bigint[][] {
  const corners = Array.from({ length: 6 }, (_, index) => cornersOf(rules.flat(), index, random));
  const pick = (index: number): bigint => {
    const values = corners[index] ?? [];
    return values[random(values.length)] ?? 0n;
  };
  const any = (): bigint[] => Array.from({ length: 6 }, (_, index) => pick(index));
  const tuples: bigint[][] = [];
  for (const rule of rules) {
    const met = any();
    for (const { index, op, value, valueTwo = 0n } of rule) met[index] = meeting(op, value, valueTwo);
    tuples.push(met);
    for (const index of new Set(rule.map((condition) => condition.index))) {
      for (const corner of corners[index] ?? []) tuples.push(met.with(index, corner));
    }
  }
  while (tuples.length > mostTuples) tuples[random(tuples.length)] = tuples.pop() ?? [];
  for (let more = Math.min(12, 4 * rules.length); more > 0; more -= 1) tuples.push(any());
  return [Array.from({ length: 6 }, () => 0n), any(), ...tuples];
}

/** Returns a value for which the comparison holds, if there is one. */
function meeting(op: string, value: bigint, valueTwo: bigint): bigint {
  if (op === 'SCMP_CMP_NE' || op === 'SCMP_CMP_GT') return BigInt.asUintN(64, value + 1n);
  if (op === 'SCMP_CMP_LT') return BigInt.asUintN(64, value - 1n);
  return op === 'SCMP_CMP_MASKED_EQ' ? value & valueTwo : value;
}

function cornersOf(conditions: Conditions, index: number, random: (below: number) => number): readonly bigint[] {
  // A small number may be taken for that of a multiplexer's member.
  const corners = new Set<bigint>([0n, 1n, BigInt(random(25)), 2n ** 32n, max]);
  for (const { index: at, value, valueTwo = 0n } of conditions) {
    if (at !== index) continue;
    for (const corner of [value, value & valueTwo, valueTwo | (max ^ value)]) {
      for (const near of [corner - 1n, corner, corner + 1n, corner & low, corner ^ (5n << 32n)]) {
        corners.add(BigInt.asUintN(64, near));
      }
    }
  }
  return [...corners];
}
