import { FairleadError } from '#lib/errors';
import type { Constraint, EffectiveInputs, EffectiveProfile, ProfileInput } from '../constraint.ts';
import { inputsInOrder } from '../constraint.ts';
import type { Accesses } from './access.ts';
import { accessesOf, accessKinds } from './access.ts';
import type { GlobBudget } from './glob/budget.ts';
import { newBudget } from './glob/budget.ts';
import type { Glob } from './glob/glob.ts';
import type { Shortfall } from './intersect.ts';
import { intersectAppArmor } from './intersect.ts';
import type { AppArmorProfile, NetworkRules } from './model.ts';
import { PathIndex } from './path-index.ts';
import { intersectLists, isShownCovered, uncovered } from './path-list.ts';

interface Named {
  readonly input: ProfileInput;
  readonly accesses: Accesses;
}

/**
 * Returns what is to be loaded: the intersection of the node's baseline, the pod's base profile and
 * the artifact, and in which respects it is stricter than the artifact. The runtime's default
 * template holds beside it in every policy. Subjects are `mode`, `executable`, `filesystem`,
 * `network` and `capability` for sections that the artifact leaves open; `execute /path`, `network
 * tcp` and the like for what it asks.
 *
 * An artifact that is only logged is the result, in complain mode. A policy enforces all its
 * sections or none, so the other inputs must leave all sections to the runtime's default template,
 * whose denials hold in both modes (see PolicyOptions.enforceDefaults).
 *
 * @throws FairleadError InvalidInput for an artifact that is only to be logged beside an input that
 * has sections.
 */
export function effectiveAppArmor(inputs: EffectiveInputs<AppArmorProfile>): EffectiveProfile<AppArmorProfile> {
  if (inputs.mode !== undefined) return logged(inputs);
  const named = inputsInOrder(inputs);
  const { known } = newBudget();
  const { profile, shortfalls } = intersectAppArmor(
    named.map((entry) => entry.profile),
    newBudget(known),
  );
  const artifact = accessesOf(inputs.artifact);
  if (artifact.mode === 'Complain' && profile.mode === 'Enforce') {
    const others = named.slice(0, -1).filter((entry) => entry.profile.mode === 'Enforce');
    const constraints = others.map(({ input }) => constraint('mode', input, 'Complain', 'Enforce', true));
    return { profile, constraints };
  }
  const others = named.slice(0, -1).map((entry) => ({ input: entry.input, accesses: accessesOf(entry.profile) }));
  const counting = others.filter(({ accesses }) => accesses.mode === profile.mode);
  const result = accessesOf(profile);
  return {
    profile,
    constraints: [
      ...sectionConstraints(artifact, counting),
      ...pathConstraints(artifact, result, counting, shortfalls, newBudget(known)),
      ...networkConstraints(artifact, counting),
      ...capabilityConstraints(artifact, counting),
    ],
  };
}

function logged({ baseline, base, artifact }: EffectiveInputs<AppArmorProfile>): EffectiveProfile<AppArmorProfile> {
  for (const [input, profile] of [['baseline', baseline] as const, ['base', base] as const]) {
    if (profile === undefined || isOpen(profile)) continue;
    throw new FairleadError('InvalidInput', `the AppArmor profile cannot be logged only: the ${input} has rules`, {
      hint: 'A policy in complain mode would not enforce them. Remove the mode, so that all are enforced.',
    });
  }
  return { profile: { ...artifact, mode: 'Complain' }, constraints: [] };
}

/** Reports whether a profile leaves all sections to what it is intersected with. */
function isOpen({ executable, filesystem, network, capability }: AppArmorProfile): boolean {
  return [executable, filesystem, network, capability].every((section) => section === undefined);
}

/**
 * Returns the constraints of sections that the artifact leaves open and another input closes: one
 * for each section, not one for each path.
 */
function sectionConstraints(artifact: Accesses, others: readonly Named[]): readonly Constraint[] {
  const sections: readonly (readonly [string, (accesses: Accesses) => boolean])[] = [
    ['executable', ({ paths }) => paths.execute === 'all'],
    ['filesystem', ({ paths }) => paths.read === 'all'],
    ['network', ({ network }) => network === 'all'],
    ['capability', ({ capabilities }) => capabilities === 'all'],
  ];
  return sections.flatMap(([subject, isOpen]) => {
    if (!isOpen(artifact)) return [];
    const closing = others.filter(({ accesses }) => !isOpen(accesses));
    return closing.map(({ input }) => constraint(subject, input, 'everything', `what the ${input} lists`, true));
  });
}

function pathConstraints(
  artifact: Accesses,
  result: Accesses,
  others: readonly Named[],
  shortfalls: readonly Shortfall[],
  budget: GlobBudget,
): readonly Constraint[] {
  const constraints: Constraint[] = [];
  for (const kind of accessKinds) {
    const asked = artifact.paths[kind];
    const granted = result.paths[kind];
    if (asked === 'all' || granted === 'all') continue;
    const remaining = PathIndex.of(granted);
    const limiting = others.flatMap(({ input, accesses: { paths } }) =>
      paths[kind] === 'all' ? [] : [{ input, index: PathIndex.of(paths[kind]) }],
    );
    const short = new Set(shortfalls.filter((shortfall) => shortfall.kind === kind).map(({ path }) => path));
    for (const glob of uncovered(asked, granted, budget)) {
      const by = limiting.filter(({ index }) => !isShownCovered(glob, index, budget));
      const inexact = short.size > 0 && (short.has(glob.text) || by.length === 0);
      const inputs = by.length > 0 ? by.map(({ input }) => input) : (['artifact'] as const);
      const to = remainder(glob, remaining.near(glob, budget) ?? [], budget);
      for (const input of inputs)
        constraints.push(constraint(`${kind} ${glob.text}`, input, 'permitted', to, !inexact));
    }
  }
  return constraints;
}

/** Returns what remains of a path, for people. */
function remainder(glob: Glob, granted: readonly Glob[], budget: GlobBudget): string {
  const { globs } = intersectLists([glob], granted, budget);
  return globs.length === 0 ? 'denied' : `permitted for ${globs.map(({ text }) => text).join(', ')}`;
}

const networkWords: readonly (readonly [keyof NetworkRules, string])[] = [
  ['allowRaw', 'network raw'],
  ['allowTcp', 'network tcp'],
  ['allowUdp', 'network udp'],
];

function networkConstraints(artifact: Accesses, others: readonly Named[]): readonly Constraint[] {
  const asked = artifact.network;
  if (asked === 'all') return [];
  return networkWords.flatMap(([name, subject]) => {
    const by = others.filter(({ accesses: { network } }) => asked[name] && network !== 'all' && !network[name]);
    return by.map(({ input }) => constraint(subject, input, 'permitted', 'denied', true));
  });
}

function capabilityConstraints(artifact: Accesses, others: readonly Named[]): readonly Constraint[] {
  if (artifact.capabilities === 'all') return [];
  return [...artifact.capabilities].sort().flatMap((name) => {
    const by = others.filter(({ accesses: { capabilities } }) => capabilities !== 'all' && !capabilities.has(name));
    return by.map(({ input }) => constraint(`capability ${name}`, input, 'permitted', 'denied', true));
  });
}

function constraint(subject: string, input: ProfileInput, from: string, to: string, exact: boolean): Constraint {
  return { subject, input, from, to, exact };
}
