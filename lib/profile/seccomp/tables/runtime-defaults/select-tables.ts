import { quote } from '#lib/text/quote';
import type { RuntimeIdentity } from '../runtime-identity.ts';
import type { RuntimeDefaultTable } from './table.ts';
import { compareVersions, parseRuntimeVersion, type RuntimeVersion } from './version.ts';

/**
 * The tables that a runtime's default profile is made of: the intersection, if there are several.
 */
export interface RuntimeDefaultChoice {
  readonly tables: readonly RuntimeDefaultTable[];
  /**
   * Why this is not known to be exactly what the runtime applies, for logs; absent if it is known.
   */
  readonly assumption?: string;
}

/** Successive releases that have one table. */
interface Span {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly table: RuntimeDefaultTable;
}

/**
 * Returns the tables for one release of a runtime.
 *
 * - A release that has a table: this one.
 * - A build with a suffix of its own (`1.7.24-0ubuntu1`): distributions take over fixes from later
 *   releases of the same minor version, so the later tables of this minor version count too.
 * - A release between known ones or after the newest one, or a pre-release: the tables of its
 *   neighbours, and those of the two newest minor versions, since what these refuse is what patch
 *   releases of older ones take over (AF_ALG came to containerd 1.7.32, 2.0.9, 2.2.4 and 2.3.1 at
 *   the same time). No known table bounds what an unknown release refuses; the oldest ones would
 *   only take away what has been allowed for years.
 * - A release before the oldest one, or a version that cannot be read: all tables of the runtime.
 *
 * @param tables every table of the runtime.
 */
export function selectTables(
  tables: readonly RuntimeDefaultTable[],
  { name, version }: RuntimeIdentity,
): RuntimeDefaultChoice {
  const called = `${name} ${quote(version)}`;
  const spans = spansOf(tables);
  const parsed = parseRuntimeVersion(version);
  if (parsed === undefined) return assume(`the version of ${called} cannot be read`, tables);
  const exact = spans.find((span) => includes(span, parsed));
  if (exact !== undefined) {
    const later = parsed.kind === 'vendor' ? laterInMinor(spans, parsed) : [];
    const chosen = tablesOf([exact, ...later]);
    return later.length === 0 ? { tables: chosen } : assume(`${called} may have fixes of later releases`, chosen);
  }
  const following = spans.findIndex(({ first }) => precedes(parsed, first));
  if (following === 0) return assume(`${called} is older than the known releases`, tables);
  const neighbours = following < 0 ? spans.slice(-1) : spans.slice(following - 1, following + 1);
  return assume(
    `${called} is not among the known releases`,
    tablesOf([...neighbours, ...newestMinors(spans).flatMap((minor) => overlapping(spans, minor))]),
  );
}

/**
 * Returns the tables for what a person calls a release.
 *
 * @param version a known release, with a suffix of its own or without, or major and minor, or
 * major: then the newest of these; undefined for the newest of all.
 * @returns undefined for a release that is not known.
 */
export function tablesLike(
  tables: readonly RuntimeDefaultTable[],
  { name, version }: { readonly name: RuntimeIdentity['name']; readonly version: string | undefined },
): RuntimeDefaultChoice | undefined {
  const spans = spansOf(tables);
  const parsed = parseRuntimeVersion(version ?? '');
  if (version !== undefined && parsed !== undefined) {
    return spans.some((span) => includes(span, parsed)) ? selectTables(tables, { name, version }) : undefined;
  }
  const prefix = version === undefined ? '' : /^v?(\d{1,6}(?:\.\d{1,6})?)$/.exec(version)?.[1];
  if (prefix === undefined) return undefined;
  const newest = overlapping(spans, prefix === '' ? [] : numbersOf(prefix)).at(-1);
  return newest && { tables: [newest.table] };
}

/**
 * Returns the runtime and the releases of tables: `containerd 2.2.0 to 2.2.3, 2.3.0; docker
 * 29.4.2`.
 */
export function describeTables(tables: readonly RuntimeDefaultTable[]): string {
  return tables.map((table) => `${table.runtime} ${describeReleases([table])}`).join('; ');
}

/** Returns the releases of tables, in ascending order: `2.2.0 to 2.2.7, 2.3.0`. */
export function describeReleases(tables: readonly RuntimeDefaultTable[]): string {
  const joined: { first: string; last: string }[] = [];
  const spans = tables.flatMap(({ versions }) => versions);
  for (const [first, last] of spans.toSorted(([a], [b]) => compareVersions(numbersOf(a), numbersOf(b)))) {
    const before = joined.at(-1);
    if (before !== undefined && follows(first, before.last)) before.last = last;
    else joined.push({ first, last });
  }
  return joined.map(({ first, last }) => (first === last ? first : `${first} to ${last}`)).join(', ');
}

/** Reports whether a release is the next patch release after another one. */
function follows(release: string, other: string): boolean {
  const [major, minor, patch = 0] = numbersOf(other);
  return release === `${major}.${minor}.${patch + 1}`;
}

/** Returns a choice that may differ from what the runtime applies. */
export function assume(why: string, tables: readonly RuntimeDefaultTable[]): RuntimeDefaultChoice {
  const what = tables.length === 1 ? 'that of' : 'the intersection of those of';
  return { tables, assumption: `${why}: its default seccomp profile is taken to be ${what} ${describeTables(tables)}` };
}

function spansOf(tables: readonly RuntimeDefaultTable[]): readonly Span[] {
  const spans = tables.flatMap((table) =>
    table.versions.map(([first, last]) => ({ first: numbersOf(first), last: numbersOf(last), table })),
  );
  return spans.sort((a, b) => compareVersions(a.first, b.first));
}

function numbersOf(version: string): readonly number[] {
  return version.split('.').map(Number);
}

function tablesOf(spans: readonly Span[]): readonly RuntimeDefaultTable[] {
  return [...new Set(spans.map(({ table }) => table))];
}

function includes({ first, last }: Span, version: RuntimeVersion): boolean {
  return !precedes(version, first) && compareVersions(last, version.numbers) >= 0;
}

/** Reports whether a version comes before a release; a pre-release comes before its own. */
function precedes({ numbers, kind }: RuntimeVersion, release: readonly number[]): boolean {
  const order = compareVersions(numbers, release);
  return order < 0 || (order === 0 && kind === 'pre-release');
}

/** Returns the spans that begin after a version, within its minor version. */
function laterInMinor(spans: readonly Span[], { numbers }: RuntimeVersion): readonly Span[] {
  const [major, minor] = numbers;
  return spans.filter(
    ({ first }) => compareVersions([major, minor], first) === 0 && compareVersions(numbers, first) < 0,
  );
}

/** Returns the spans that have releases whose version begins with `prefix`. */
function overlapping(spans: readonly Span[], prefix: readonly number[]): readonly Span[] {
  return spans.filter(({ first, last }) => compareVersions(prefix, first) >= 0 && compareVersions(prefix, last) <= 0);
}

/** Returns the newest minor version and the one before it. */
function newestMinors(spans: readonly Span[]): readonly (readonly number[])[] {
  const newest = minorOf(spans.at(-1)?.last ?? []);
  const [major, minor] = newest;
  const before = spans.findLast(({ first }) => compareVersions(newest, first) > 0);
  if (before === undefined) return [newest];
  // The releases of both may be in one span.
  return [newest, compareVersions(newest, before.last) > 0 ? minorOf(before.last) : [major, minor - 1]];
}

function minorOf([major = 0, minor = 0]: readonly number[]): readonly [number, number] {
  return [major, minor];
}
