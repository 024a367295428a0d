import * as v from 'valibot';
import { quote } from '../../lib/text/quote.ts';
import { atomicListOf, kubernetes, rule } from './shared/kubernetes.ts';
import { stringsByName } from './string-map.ts';

/** The part of a label's key after its prefix, and a value that is not empty. */
const name = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const prefix = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function isLabelKey(text: string): boolean {
  const [last = '', first, ...more] = text.split('/').toReversed();
  return name.test(last) && (first === undefined || prefix.test(first)) && more.length === 0;
}

/** What is not text is reported by its own schema. */
function isLabelValue(text: string): boolean {
  return typeof text !== 'string' || text === '' || name.test(text);
}

const noKey = (text: string) => `${quote(text)} is not a valid label key`;
const noValue = (text: string) => `${quote(text)} is not a valid label value`;

const requirementSchema = v.pipe(
  v.object({
    key: v.pipe(
      v.string(),
      v.check(isLabelKey, ({ input }) => noKey(input)),
      v.description('The key of the label.'),
    ),
    operator: v.pipe(
      v.picklist(['In', 'NotIn', 'Exists', 'DoesNotExist']),
      v.description('How the label is compared with values.'),
    ),
    values: v.optional(
      v.pipe(
        atomicListOf(
          v.pipe(
            v.string(),
            v.check(isLabelValue, ({ input }) => noValue(input)),
          ),
        ),
        v.description('What In and NotIn compare the value with.'),
      ),
    ),
  }),
  v.check(
    ({ operator, values = [] }) => (operator === 'In' || operator === 'NotIn') === values.length > 0,
    ({ input: { operator } }) =>
      `${operator} ${operator === 'In' || operator === 'NotIn' ? 'requires' : 'allows no'} values`,
  ),
);

/**
 * meta/v1 LabelSelector, as strict as Kubernetes with its own: with an impossible label, a selector
 * would silently select nothing, or everything.
 */
export const labelSelectorSchema = v.pipe(
  v.object({
    matchLabels: v.optional(
      v.pipe(
        stringsByName,
        v.check(
          (labels) => Object.keys(labels).every(isLabelKey),
          ({ input }) => noKey(Object.keys(input).find((key) => !isLabelKey(key)) ?? ''),
        ),
        v.check(
          (labels) => Object.values(labels).every(isLabelValue),
          ({ input }) => noValue(Object.values(input).find((value) => !isLabelValue(value)) ?? ''),
        ),
        kubernetes({ values: v.string() }),
        v.description('The labels that must be there, with their values.'),
      ),
    ),
    matchExpressions: v.optional(
      v.pipe(atomicListOf(requirementSchema), v.description('Further requirements. All must hold.')),
    ),
  }),
  kubernetes({ mapType: 'atomic' }),
);

/** Most labels, and most expressions, of a selector of a binding. */
const mostRequirements = 64;
/** Most characters of one as JSON: a list of more than 200 of the longest values. */
const mostCharacters = 16 * 1024;

type Selector = v.InferOutput<typeof labelSelectorSchema>;

/**
 * A label selector of a binding, which each replica of the operator holds, and compares with pods.
 */
export const bindingSelectorSchema = v.pipe(
  labelSelectorSchema,
  ...rule<Selector>({
    rule: `!has(self.matchLabels) || self.matchLabels.size() <= ${mostRequirements}`,
    message: `must have at most ${mostRequirements} matchLabels`,
    holds: ({ matchLabels = {} }) => Object.keys(matchLabels).length <= mostRequirements,
  }),
  ...rule<Selector>({
    rule: `!has(self.matchExpressions) || self.matchExpressions.size() <= ${mostRequirements}`,
    message: `must have at most ${mostRequirements} matchExpressions`,
    holds: ({ matchExpressions = [] }) => matchExpressions.length <= mostRequirements,
  }),
  v.check(
    // A value may be a large number where a text is wanted, of which the schema reports that.
    (selector) =>
      JSON.stringify(selector, (_, each) => (typeof each === 'bigint' ? `${each}` : each)).length <= mostCharacters,
    `must have at most ${mostCharacters} characters as JSON: give the pods a label of their own, and select by that`,
  ),
);

/** One requirement of a label selector, as Kubernetes writes it. */
export type LabelRequirement = v.InferOutput<typeof requirementSchema>;

/** meta/v1 LabelSelector. All requirements must hold; an empty selector selects everything. */
export type LabelSelector = v.InferOutput<typeof labelSelectorSchema>;

/**
 * Reports whether labels match the selector. As in Kubernetes, NotIn also matches if the key is
 * absent.
 */
export function selects(selector: LabelSelector, labels: ReadonlyMap<string, string>): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (labels.get(key) !== value) return false;
  }
  return (selector.matchExpressions ?? []).every((requirement) => holds(requirement, labels));
}

/** Reports whether a selector requires that a label exists and that it does not. */
export function selectsNothing({ matchExpressions = [] }: LabelSelector): boolean {
  const keysOf = (operator: LabelRequirement['operator']) =>
    matchExpressions.filter((each) => each.operator === operator).map(({ key }) => key);
  const absent = new Set(keysOf('DoesNotExist'));
  return keysOf('Exists').some((key) => absent.has(key));
}

function holds({ key, operator, values = [] }: LabelRequirement, labels: ReadonlyMap<string, string>): boolean {
  const value = labels.get(key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
