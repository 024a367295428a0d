import type { Filter } from './bpf.ts';
import type { Libseccomp, LoadedProfile, Runtime } from './load-profile.ts';
import { evaluateLoaded, nativeArchitecture, tokens } from './load-profile.ts';
import { type OracleProfile, possibleResults, rank } from './seccomp-evaluate.ts';
import { namesOf, type Point, samplePoints, type Tables } from './seccomp-points.ts';

/** How a merged profile breaks the promise of `intersect` or `union`. */
export type Kind =
  /** libseccomp refuses the result, or does not end over it. */
  | 'does not load'
  /** An intersection permits more than an input says. */
  | 'looser than written'
  /** An intersection permits more than an input that libseccomp loads as it is written. */
  | 'looser than loaded'
  /** A union denies what an input permits, and does not report it. */
  | 'stricter than written';

/** One broken promise: where, and what was got and wanted there. */
export interface Fault {
  readonly kind: Kind;
  readonly detail: string;
  readonly point?: Point;
}

/** What a check found. */
export interface MergeReport {
  readonly faults: readonly Fault[];
  readonly points: number;
  /** Whether the result means the same at every point after it was loaded. */
  readonly loadsAsWritten: boolean;
  /**
   * Architectures on which rules of the result are written to do something, and all of that is lost
   * when it is loaded.
   */
  readonly withoutRules: readonly string[];
  /** Inputs that do not load, and inputs that mean something else after they were loaded. */
  readonly unloadableInputs: number;
  readonly changedInputs: number;
  /**
   * Points at which an intersection is stricter, or a union laxer, than all inputs: safe, but not
   * wanted.
   */
  readonly conservative: number;
}

/** What a merge is checked with. */
export interface MergeCheck {
  readonly libseccomp: Libseccomp;
  readonly runtime: Runtime;
  /** Returns a number from 0 up to, and without, its argument. */
  readonly random: (below: number) => number;
  /** The architecture of the machine, as SCMP_ARCH_*; this one's by default. */
  readonly native?: string;
}

type Loaded = Extract<LoadedProfile, { readonly filter: Filter }>;

interface Sampled {
  readonly points: readonly Point[];
  readonly result: Side;
  readonly inputs: readonly Side[];
}

/**
 * One profile at every point: the results that it may have as written, and the one that it has as
 * loaded.
 */
interface Side {
  readonly written: readonly (readonly string[])[];
  readonly loaded: readonly string[] | undefined;
  readonly error: string | undefined;
  readonly loadsAsWritten: boolean;
}

/**
 * Checks that an intersection, loaded through libseccomp, is never looser than an input: as that is
 * written, and, if libseccomp loads the input as it is written, as it is loaded.
 */
export async function checkIntersection(
  inputs: readonly OracleProfile[],
  result: OracleProfile,
  check: MergeCheck,
): Promise<MergeReport> {
  return intersectionReport(await sample(inputs, result, check));
}

/**
 * Checks the same of an intersection whose last input only logs what it does not allow: it is
 * compared as a profile that does so itself.
 */
export async function checkLogMode(
  inputs: readonly OracleProfile[],
  result: OracleProfile,
  check: MergeCheck,
): Promise<MergeReport> {
  const sampled = await sample(inputs, result, check);
  const last = sampled.inputs.length - 1;
  const logging = sampled.inputs.map((input, at) => (at === last ? logged(input) : input));
  return intersectionReport({ ...sampled, inputs: logging });
}

function logged({ written, loaded, ...side }: Side): Side {
  // Programs of other architectures run all the same.
  const log = (got: string) =>
    got === 'bad architecture' || got === 'SCMP_ACT_ALLOW' ? 'SCMP_ACT_ALLOW' : 'SCMP_ACT_LOG';
  return { ...side, written: written.map((results) => results.map(log)), loaded: loaded?.map(log) };
}

function intersectionReport(sampled: Sampled): MergeReport {
  const faults: Fault[] = loadFaults(sampled.result);
  let conservative = 0;
  const { loaded } = sampled.result;
  for (const [at, point] of sampled.points.entries()) {
    const got = loaded?.[at];
    if (got === undefined) break;
    const written = Math.max(...sampled.inputs.map((input) => laxest(input.written[at])));
    const kept = sampled.inputs.filter((input) => input.loadsAsWritten).map((input) => input.loaded?.[at] ?? got);
    if (rank(got) < written) {
      faults.push({ kind: 'looser than written', detail: describe(sampled, at), point });
    } else if (kept.some((action) => rank(got) < rank(action))) {
      faults.push({ kind: 'looser than loaded', detail: describe(sampled, at), point });
    }
    if (rank(got) > Math.max(...sampled.inputs.map((input) => strictest(input.written[at])))) conservative += 1;
  }
  return reportOf(sampled, faults, conservative);
}

/**
 * Checks that a union, loaded through libseccomp, is never stricter than an input as written,
 * except for the system calls that it reports.
 */
export async function checkUnion(
  inputs: readonly OracleProfile[],
  { profile, inexact }: { readonly profile: OracleProfile; readonly inexact: readonly string[] },
  check: MergeCheck,
): Promise<MergeReport> {
  const sampled = await sample(inputs, profile, check);
  const faults: Fault[] = loadFaults(sampled.result);
  let conservative = 0;
  const { loaded } = sampled.result;
  for (const [at, point] of sampled.points.entries()) {
    const got = loaded?.[at];
    if (got === undefined) break;
    const isReported = namesOf(point).some((name) => inexact.includes(name));
    if (rank(got) > Math.min(...sampled.inputs.map((input) => strictest(input.written[at]))) && !isReported) {
      faults.push({ kind: 'stricter than written', detail: describe(sampled, at), point });
    }
    if (rank(got) < Math.min(...sampled.inputs.map((input) => laxest(input.written[at])))) conservative += 1;
  }
  return reportOf(sampled, faults, conservative);
}

async function sample(
  inputs: readonly OracleProfile[],
  result: OracleProfile,
  { libseccomp, runtime, random, native = nativeArchitecture }: MergeCheck,
): Promise<Sampled> {
  const all = [result, ...inputs];
  const loaded = await Promise.all(all.map((profile) => libseccomp.load(profile, runtime, native)));
  const tables = await tablesFor(all, libseccomp, native);
  const points = samplePoints(all, tables, random, native);
  const sides = all.map((profile, at) => sideOf(profile, loaded[at], points, native));
  const [first, ...others] = sides;
  if (first === undefined) throw new Error('there is no result');
  return { points, result: first, inputs: others };
}

/**
 * Numbers of system calls on every architecture that a profile lists, and some that others list.
 */
export async function tablesFor(
  profiles: readonly OracleProfile[],
  libseccomp: Libseccomp,
  native: string = nativeArchitecture,
): Promise<Tables> {
  const listed = profiles.flatMap(({ architectures = [] }) => architectures);
  const asked = new Set([native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM', ...listed]);
  const tables = new Map<string, ReadonlyMap<string, number>>();
  for (const name of asked) if (tokens.has(name)) tables.set(name, await libseccomp.table(name));
  return tables;
}

function sideOf(
  profile: OracleProfile,
  loaded: LoadedProfile | undefined,
  points: readonly Point[],
  native: string,
): Side {
  const written = points.map((point) => possibleResults(profile, point, native));
  if (loaded === undefined || 'error' in loaded) {
    return { written, loaded: undefined, error: loaded?.error ?? 'not loaded', loadsAsWritten: false };
  }
  const got = points.map((point) => evaluateLoaded(loaded satisfies Loaded, point));
  const agrees = got.every((action, at) => written[at]?.includes(action));
  // Through a multiplexer nearly everything may be meant; an architecture without any rules is not.
  const loadsAsWritten = agrees && architecturesWithoutRules(points, written, got).length === 0;
  return { written, loaded: got, error: undefined, loadsAsWritten };
}

function loadFaults({ error }: Side): Fault[] {
  return error === undefined ? [] : [{ kind: 'does not load', detail: error }];
}

function reportOf(sampled: Sampled, faults: readonly Fault[], conservative: number): MergeReport {
  const { points, result, inputs } = sampled;
  return {
    faults,
    points: points.length,
    loadsAsWritten: result.loadsAsWritten,
    withoutRules: result.loaded === undefined ? [] : architecturesWithoutRules(points, result.written, result.loaded),
    unloadableInputs: inputs.filter(({ error }) => error !== undefined).length,
    changedInputs: inputs.filter(({ error, loadsAsWritten }) => error === undefined && !loadsAsWritten).length,
    conservative,
  };
}

function architecturesWithoutRules(
  points: readonly Point[],
  written: Side['written'],
  loaded: readonly string[],
): readonly string[] {
  const found: string[] = [];
  for (const architecture of new Set(points.map((point) => point.architecture))) {
    const own = points.flatMap((point, at) => (point.architecture === architecture ? [at] : []));
    const kept = new Set(own.map((at) => loaded[at]));
    const meant = new Set(own.flatMap((at) => written[at] ?? []));
    if (kept.size === 1 && meant.size > 1) found.push(architecture);
  }
  return found;
}

function laxest(results: readonly string[] | undefined): number {
  return Math.min(...(results ?? []).map(rank));
}

function strictest(results: readonly string[] | undefined): number {
  return Math.max(...(results ?? []).map(rank));
}

function describe({ points, result, inputs }: Sampled, at: number): string {
  const point = points[at];
  const sides = [result, ...inputs].map(({ written, loaded }, index) => {
    const name = index === 0 ? 'result' : `input ${index}`;
    return `${name}: written ${written[at]?.join(' or ')}, loaded ${loaded?.[at] ?? 'not at all'}`;
  });
  const call = `${point?.syscall}(${point?.args.map((value) => `0x${value.toString(16)}`).join(', ')})`;
  return `${call} of ${point?.architecture}: ${sides.join('; ')}`;
}
