import * as v from 'valibot';
import { kubernetes, listByKey, mapOf } from './kubernetes.ts';

const quantity =
  /^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$/;

/** A quantity of Kubernetes: a number, or text such as 128Mi. */
const quantitySchema = v.pipe(
  v.custom<number | string>(
    (input) => Number.isSafeInteger(input) || (typeof input === 'string' && quantity.test(input)),
    'must be a quantity such as 250m or 128Mi',
  ),
  kubernetes({
    type: {
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      pattern: quantity.source,
      'x-kubernetes-int-or-string': true,
    },
  }),
);

/** core/v1 ResourceRequirements. */
export const resourceRequirementsSchema = v.object({
  claims: v.optional(
    v.pipe(
      listByKey(
        'name',
        v.object({
          name: v.pipe(v.string(), v.description('The name of the claim, in resourceClaims of the pod.')),
          request: v.optional(v.pipe(v.string(), v.description('The request of the claim. All of them by default.'))),
        }),
      ),
      v.description('The resource claims of the pod that the containers use.'),
    ),
  ),
  limits: v.optional(
    v.pipe(mapOf(quantitySchema), v.description('The most that the containers may use, by resource.')),
  ),
  requests: v.optional(
    v.pipe(mapOf(quantitySchema), v.description('What is reserved for the containers, by resource.')),
  ),
});
