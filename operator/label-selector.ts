import { FairleadError } from '#lib/errors';

/** One requirement of a label selector, as Kubernetes writes it. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[] | undefined;
}

/** meta/v1 LabelSelector. All requirements must hold; an empty selector selects everything. */
export interface LabelSelector {
  readonly matchLabels?: ReadonlyMap<string, string> | undefined;
  readonly matchExpressions?: readonly LabelRequirement[] | undefined;
}

/**
 * Says whether the labels fulfil the selector, by the rules of meta/v1 LabelSelector: NotIn also holds where the key
 * is absent. Throws InvalidInput for a requirement that Kubernetes would not accept either, because a selector that
 * cannot be understood must not quietly select nothing.
 */
export function selects(selector: LabelSelector, labels: ReadonlyMap<string, string>): boolean {
  for (const [key, value] of selector.matchLabels ?? []) {
    if (labels.get(key) !== value) return false;
  }
  return (selector.matchExpressions ?? []).every((requirement) => holds(requirement, labels));
}

function holds({ key, operator, values = [] }: LabelRequirement, labels: ReadonlyMap<string, string>): boolean {
  const wantsValues = operator === 'In' || operator === 'NotIn';
  if (wantsValues !== values.length > 0) {
    throw new FairleadError(
      'InvalidInput',
      `label selector: ${operator} on ${JSON.stringify(key)} ${wantsValues ? 'needs' : 'takes no'} values`,
    );
  }
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
