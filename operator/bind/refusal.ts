import type { Binding } from './binding.ts';
import type { BoundProfile } from './bound-profile.ts';
import type { Refused } from './decide.ts';
import { fewNames, type JudgedPlace, specifies } from './judge.ts';

/** What contradicts a profile at one place. */
export interface Contradiction {
  readonly bindings: readonly Binding[];
  readonly profile: BoundProfile;
  /** What the place does, as a clause: `container "app" specifies Unconfined`. */
  readonly text: string;
}

/** What speaks against a pod. */
export interface Objections {
  readonly judged: readonly JudgedPlace[];
  readonly contradictions: readonly Contradiction[];
  /** What is named, and would not be applied. */
  readonly unapplied: readonly string[];
}

interface Objection {
  readonly reason: string;
  readonly hint: string;
  readonly isTemporary: boolean;
}

/**
 * Returns the refusal of a pod if anything speaks against it: first what only a change of the
 * bindings or of the pod corrects. It is temporary if nothing has to be changed.
 */
export function refusalOf({ judged, contradictions, unapplied }: Objections): Refused | undefined {
  const [first, ...others] = [
    ...conflictsOf(judged),
    ...contradictionsOf(contradictions, 'Remove these settings from the pod, or change the selector of the binding.'),
    ...unapplied.map((reason) => ({ reason, hint: 'Remove privileged: true, or the profile.', isTemporary: false })),
    ...unresolvedOf(judged).toSorted((a, b) => Number(a.isTemporary) - Number(b.isTemporary)),
  ];
  if (first === undefined) return undefined;
  const reason = limited([first, ...others].map((objection) => objection.reason));
  return { outcome: 'refused', reason, hint: first.hint, ...(first.isTemporary && { isTemporary: true }) };
}

/** Returns the refusal of a pod for what contradicts its profiles. */
export function refuse(contradictions: readonly Contradiction[], hint: string): Refused {
  return {
    outcome: 'refused',
    reason: limited(contradictionsOf(contradictions, hint).map(({ reason }) => reason)),
    hint,
  };
}

function conflictsOf(judged: readonly JudgedPlace[]): readonly Objection[] {
  const places = groupBy(judged, ({ judgement }) => ('conflict' in judgement ? judgement.conflict : undefined));
  return [...places].map(([conflict, group]) => ({
    reason: `its bindings disagree on ${fewNames(group.map(({ setting }) => setting.title)).join(', ')}: ${conflict}`,
    hint:
      'A container runs under one profile, and these bindings are equally specific. Make one of them more specific, by ' +
      'containers, images or its podSelector, or specify the same artifact, base and mode in both.',
    isTemporary: false,
  }));
}

function contradictionsOf(contradictions: readonly Contradiction[], hint: string): readonly Objection[] {
  const groups = groupBy(contradictions, ({ bindings, profile }) => specifies(bindings, profile));
  return [...groups].map(([wanted, group]) => ({
    reason: `${wanted}, but ${limited(group.map(({ text }) => text))}`,
    hint,
    isTemporary: false,
  }));
}

function unresolvedOf(judged: readonly JudgedPlace[]): readonly Objection[] {
  const unresolved = judged.flatMap(({ judgement }) => ('problem' in judgement ? [judgement] : []));
  return [...groupBy(unresolved, ({ problem }) => problem)].flatMap(([reason, [first]]) =>
    first === undefined ? [] : [{ reason, hint: first.hint, isTemporary: first.isTemporary }],
  );
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string | undefined): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

/** Most texts in a message. */
const most = 20;

function limited(texts: readonly string[]): string {
  const named = texts.slice(0, most);
  if (named.length < texts.length) named.push(`${texts.length - named.length} more`);
  return named.join('; ');
}
