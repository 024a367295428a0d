import { syscallNames } from './syscall-names.ts';

const known: readonly string[] = [...syscallNames()].sort();
const numbers: ReadonlyMap<string, number> = new Map(known.map((name, id) => [name, id]));

/** Returns the number that a known syscall has in all tables. */
export function knownSyscallId(name: string): number {
  const id = numbers.get(name);
  if (id === undefined) throw new Error(`${name} is not a known syscall`);
  return id;
}

/** Whether a number is that of a known syscall, which is the same in all tables. */
export function isKnownSyscallId(id: number): boolean {
  return id < known.length;
}

/**
 * Numbers for the names of syscalls, so that the decisions of several profiles are looked up in
 * lists: a name is looked up only once. Those of known syscalls are in the order of their names;
 * others come after them.
 */
export class SyscallIds {
  readonly #others = new Map<string, number>();
  readonly #otherNames: string[] = [];

  /** Returns how many numbers there are; all are below it. */
  get size(): number {
    return known.length + this.#otherNames.length;
  }

  idOf(name: string): number {
    return numbers.get(name) ?? this.#others.get(name) ?? this.#add(name);
  }

  readonly nameOf = (id: number): string => known[id] ?? (this.#otherNames[id - known.length] as string);

  /** Compares two by their names. */
  readonly compare = (a: number, b: number): number => {
    if (a < known.length && b < known.length) return a - b;
    return this.nameOf(a) < this.nameOf(b) ? -1 : 1;
  };

  /** Returns syscalls sorted by their names; the list itself if they are. */
  sorted(syscalls: readonly number[]): readonly number[] {
    if (syscalls.length < 2) return syscalls;
    const isNamed = new Uint8Array(known.length);
    let last = -1;
    let isSorted = true;
    for (let at = 0; at < syscalls.length; at += 1) {
      const id = syscalls[at] as number;
      if (id >= known.length) return syscalls.toSorted(this.compare);
      isSorted &&= id > last;
      isNamed[id] = 1;
      last = id;
    }
    if (isSorted) return syscalls;
    const sorted: number[] = [];
    for (let id = 0; id < isNamed.length; id += 1) if (isNamed[id] === 1) sorted.push(id);
    return sorted;
  }

  #add(name: string): number {
    const id = known.length + this.#otherNames.push(name) - 1;
    this.#others.set(name, id);
    return id;
  }
}
