import type { Component } from './components.ts';
import type { GlobNode } from './node.ts';
import type { SymbolSet } from './symbol-set.ts';

/** A validated path of a profile. */
export interface Glob {
  /** As the author wrote it. */
  readonly text: string;
  /** As it is written into a policy: variables replaced. */
  readonly expanded: string;
  readonly nodes: readonly GlobNode[];
  /** At least one: what follows each slash, up to the first that may hold "/" itself. */
  readonly components: readonly Component[];
  /** The literal characters that every matching name begins with. */
  readonly prefix: string;
  /** The literal characters that every matching name ends with. */
  readonly suffix: string;
  /** True if nothing but the prefix matches. */
  readonly literal: boolean;
  /**
   * Automata of what follows a number of its nodes, if they were needed; undefined if too large.
   */
  readonly automata: Map<number, Automaton | undefined>;
}

export interface Edge {
  readonly set: SymbolSet;
  readonly to: number;
}

/** A nondeterministic automaton without empty moves; state 0 begins. */
export interface Automaton {
  readonly edges: readonly (readonly Edge[])[];
  readonly accepts: readonly boolean[];
  /** How many edges there are. */
  readonly size: number;
}
