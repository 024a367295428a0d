import { mayMeet } from './glob/automaton.ts';
import type { GlobBudget } from './glob/budget.ts';
import { spend } from './glob/budget.ts';
import type { Component } from './glob/components.ts';
import type { Glob } from './glob/glob.ts';

const known = new WeakMap<readonly Glob[], PathIndex>();

/** At most this many globs are compared one by one. */
const few = 4;

/**
 * Path lists may be long: this finds the few globs of one that can have names in common with a
 * given glob. It is a tree of their components; a glob is led down by its own ones, past all that
 * cannot be the same.
 */
export class PathIndex {
  readonly #root = new Directory(0, false);
  readonly #texts = new Set<string>();

  /** Returns the index of a list; lists are asked about several times. */
  static of(globs: readonly Glob[]): PathIndex {
    let index = known.get(globs);
    if (index === undefined) {
      index = new PathIndex(globs);
      known.set(globs, index);
    }
    return index;
  }

  constructor(globs: readonly Glob[]) {
    for (const glob of globs) {
      this.#texts.add(glob.expanded);
      this.#root.add(glob);
    }
  }

  /** Reports whether it has a glob that is written in the same way. */
  has({ expanded }: Glob): boolean {
    return this.#texts.has(expanded);
  }

  /**
   * Returns every glob that may match a name which the given one matches; undefined if the budget
   * ends first.
   */
  near(glob: Glob, budget: GlobBudget): readonly Glob[] | undefined {
    const reached: Directory[] = [];
    let level: Directory[] = [this.#root];
    for (let depth = 0; level.length > 0; depth++) {
      if (!spend(budget, level.length)) return undefined;
      const component = glob.components[depth];
      const next: Directory[] = [];
      for (const directory of level) {
        if (component === undefined || directory.isWhole) reached.push(directory);
        else directory.compatible(component, next);
      }
      if (component?.isDeep) {
        // From here on both may go their own ways.
        for (const directory of next) directory.below(next);
        for (const directory of next) reached.push(directory);
        break;
      }
      level = next;
    }
    const found: Glob[] = [];
    for (const { globs } of reached) {
      // To look at one takes far less than a step of an automaton.
      if (!spend(budget, 1 + globs.length / 16)) return undefined;
      for (const candidate of globs) if (mayMeet(glob, candidate)) found.push(candidate);
    }
    return found;
  }
}

/** Globs that begin with the same components. */
class Directory {
  /** Those that have no more components; all of them, as long as they are few. */
  globs: Glob[] = [];
  readonly #depth: number;
  readonly #isDeep: boolean;
  #children: Children | undefined;

  /** @param isDeep whether the last component may hold "/": then it stands for all that follows. */
  constructor(depth: number, isDeep: boolean) {
    this.#depth = depth;
    this.#isDeep = isDeep;
  }

  add(glob: Glob): void {
    let directory: Directory = this;
    for (;;) {
      const component = glob.components[directory.#depth];
      if (directory.#children === undefined || component === undefined) break;
      directory = directory.#children.at(component, directory.#depth + 1);
    }
    directory.globs.push(glob);
    if (directory.globs.length > few && directory.#children === undefined && !directory.#isDeep) directory.#divide();
  }

  #divide(): void {
    const all = this.globs;
    this.globs = [];
    this.#children = new Children();
    for (const glob of all) this.add(glob);
  }

  /** Reports whether nothing is known of its globs but what led here. */
  get isWhole(): boolean {
    return this.#children === undefined;
  }

  below(found: Directory[]): void {
    this.#children?.all(found);
  }

  /** Finds what is below the components that may stand for the same text as the given one. */
  compatible(component: Component, found: Directory[]): void {
    this.#children?.compatible(component, found);
  }
}

interface Wildcard {
  readonly suffix: string;
  readonly directory: Directory;
}

/** Directories by component. */
class Children {
  readonly #literals = new Map<string, Directory>();
  /** Literal beginning of a component -> the component. */
  readonly #wildcards = new Map<string, Map<string, Wildcard>>();
  readonly #prefixLengths = new Set<number>();
  #sorted: { readonly literals: readonly string[]; readonly prefixes: readonly string[] } | undefined;

  /** Returns the directory of a component, and creates it if necessary. */
  at({ text, prefix, suffix, isLiteral, isDeep }: Component, depth: number): Directory {
    const found = isLiteral ? this.#literals.get(text) : this.#wildcards.get(prefix)?.get(text)?.directory;
    if (found !== undefined) return found;
    const directory = new Directory(depth, isDeep);
    this.#sorted = undefined;
    if (isLiteral) {
      this.#literals.set(text, directory);
      return directory;
    }
    const alike = this.#wildcards.get(prefix) ?? new Map<string, Wildcard>();
    this.#wildcards.set(prefix, alike.set(text, { suffix, directory }));
    this.#prefixLengths.add(prefix.length);
    return directory;
  }

  all(found: Directory[]): void {
    for (const directory of this.#literals.values()) found.push(directory);
    for (const alike of this.#wildcards.values()) for (const { directory } of alike.values()) found.push(directory);
  }

  compatible({ text, prefix, suffix, isLiteral }: Component, found: Directory[]): void {
    for (const length of this.#prefixLengths) {
      if (length <= prefix.length) this.#take(prefix.slice(0, length), suffix, found);
    }
    if (isLiteral) {
      const directory = this.#literals.get(text);
      if (directory !== undefined) found.push(directory);
      return;
    }
    this.#sorted ??= { literals: [...this.#literals.keys()].sort(), prefixes: [...this.#wildcards.keys()].sort() };
    const { literals, prefixes } = this.#sorted;
    for (let at = firstFrom(literals, prefix); literals[at]?.startsWith(prefix); at++) {
      const directory = this.#literals.get(literals[at] ?? '');
      if (directory !== undefined && literals[at]?.endsWith(suffix)) found.push(directory);
    }
    for (let at = firstFrom(prefixes, prefix); prefixes[at]?.startsWith(prefix); at++) {
      if (prefixes[at] !== prefix) this.#take(prefixes[at] ?? '', suffix, found);
    }
  }

  #take(prefix: string, suffix: string, found: Directory[]): void {
    for (const wildcard of this.#wildcards.get(prefix)?.values() ?? []) {
      if (wildcard.suffix.endsWith(suffix) || suffix.endsWith(wildcard.suffix)) found.push(wildcard.directory);
    }
  }
}

/** Returns the index of the first text of a sorted list that is not before the given one. */
function firstFrom(sorted: readonly string[], text: string): number {
  let low = 0;
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
