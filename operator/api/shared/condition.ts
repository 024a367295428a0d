import * as v from 'valibot';
import { count, kubernetes, listByKey } from './kubernetes.ts';

/** Returns the schema of the generation that a status or a condition is about. */
export function observedGenerationSchema(of: 'status' | 'condition') {
  return v.optional(count('int64', `The generation of the object that the ${of} was determined for.`));
}

/** meta/v1 Condition. */
export const conditionSchema = v.object({
  type: v.pipe(
    v.string(),
    v.maxLength(316),
    v.regex(
      /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/,
    ),
    v.description('What the condition is about, such as Ready.'),
  ),
  status: v.pipe(v.picklist(['True', 'False', 'Unknown']), v.description('Whether the condition holds.')),
  observedGeneration: observedGenerationSchema('condition'),
  lastTransitionTime: v.pipe(
    v.string(),
    kubernetes({ format: 'date-time' }),
    v.description('When the status of the condition changed last.'),
  ),
  reason: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(1024),
    v.regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/),
    v.description('Why the condition has its status, in one word for programs.'),
  ),
  message: v.pipe(
    v.string(),
    v.maxLength(32768),
    v.description('Why the condition has its status, for people, with the next step.'),
  ),
});

/** meta/v1 Condition. */
export type Condition = v.InferOutput<typeof conditionSchema>;

/** The conditions of a status, one of each type. */
export const conditionsSchema = v.pipe(
  listByKey('type', conditionSchema),
  v.description('The conditions of the object. Ready is True if it can be used.'),
);
