import { closest } from '#lib/text/closest';
import type { JsonMember, JsonNode } from './node.ts';

type ObjectNode = Extract<JsonNode, { type: 'object' }>;

/**
 * Returns a member's name as Go's encoding/json compares it if no field has exactly that name:
 * ASCII letters without case, and the two letters beyond ASCII that fold to one of them, U+017F to
 * s and U+212A to k.
 */
export function foldName(name: string): string {
  return name
    .replaceAll('\u017f', 's')
    .replaceAll('\u212a', 'k')
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The names of the members that one object of a format has. */
export class KnownNames {
  readonly #names: ReadonlySet<string>;
  readonly #byFold: ReadonlyMap<string, string>;

  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    this.#byFold = new Map(Array.from(this.#names, (name) => [foldName(name), name]));
  }

  /** Reports whether the object has a member of exactly this name. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Reports whether all members of an object are known: quick, since nearly all are. */
  cover({ members }: ObjectNode): boolean {
    let covered = 0;
    for (const name of this.#names) if (members.has(name)) covered += 1;
    return covered === members.size;
  }

  /**
   * Returns the known name that readers which ignore case, those of Go, read `name` as; undefined
   * if none exists.
   */
  meantBy(name: string): string | undefined {
    return this.#byFold.get(foldName(name));
  }

  /**
   * Returns the member that an unknown one probably means: its name is close, and the object does
   * not have it.
   */
  near(name: string, { members }: ObjectNode): string | undefined {
    return closest(
      name,
      Array.from(this.#names).filter((known) => !members.has(known)),
    );
  }
}

/** What {@link underKnownNames} reports of one member. */
export interface MemberReports {
  /** The member is known in another letter case. */
  readonly respelled: (name: string, meant: string, keyAt: number) => void;
  /**
   * The member is known, and the object has it already: readers differ in which of the two counts.
   */
  readonly repeated: (name: string, meant: string, keyAt: number) => never;
}

/**
 * Returns an object with its members under the names of its format, as readers see them that ignore
 * case; members that are unknown in any case stay as they are.
 */
export function underKnownNames(node: ObjectNode, known: KnownNames, reports: MemberReports): ObjectNode {
  if (known.cover(node)) return node;
  const members = new Map<string, JsonMember>();
  for (const [name, member] of node.members) {
    const meant = known.has(name) ? name : known.meantBy(name);
    if (meant === undefined) {
      members.set(name, member);
      continue;
    }
    if (members.has(meant)) reports.repeated(name, meant, member.keyAt);
    if (meant !== name) reports.respelled(name, meant, member.keyAt);
    members.set(meant, member);
  }
  return { type: 'object', at: node.at, members };
}

/** Returns the fault of a member that an object has twice, in whatever letter case. */
export function repeatedMember(name: string, meant: string): string {
  return `${JSON.stringify(name)} repeats ${JSON.stringify(meant)}`;
}

export const repeatedMemberHint = 'Remove one of the two: readers differ in which one they use.';

/** Returns the fault of a member whose name is known in another letter case. */
export function respelledMember(name: string, meant: string): string {
  return `${JSON.stringify(name)} must be written ${JSON.stringify(meant)}: readers that ignore case accept it, others do not`;
}
