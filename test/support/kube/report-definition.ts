import type { Resource } from '#lib/kube/resource';
import type { Document } from '#test/support/apis/served-apis';

const text = { type: 'string' };
const texts = { type: 'object', additionalProperties: text };
const reference = {
  type: 'object',
  properties: Object.fromEntries(
    ['apiVersion', 'fieldPath', 'kind', 'name', 'namespace', 'resourceVersion', 'uid'].map((name) => [name, text]),
  ),
};
const selector = { type: 'object', properties: { matchLabels: texts } };
const result = {
  policy: text,
  rule: text,
  source: text,
  category: text,
  message: text,
  result: { ...text, enum: ['pass', 'fail', 'warn', 'error', 'skip'] },
  // Of 2021; `critical` and `info` came later.
  severity: { ...text, enum: ['high', 'low', 'medium'] },
  scored: { type: 'boolean' },
  resources: { type: 'array', items: reference },
  resourceSelector: selector,
  properties: texts,
  timestamp: {
    type: 'object',
    required: ['nanos', 'seconds'],
    properties: { nanos: { type: 'integer', format: 'int32' }, seconds: { type: 'integer', format: 'int64' } },
  },
};
const counts = ['pass', 'fail', 'warn', 'error', 'skip'].map((name) => [name, { type: 'integer' }]);

/**
 * Returns a definition of reports with the fields of wgpolicyk8s.io/v1alpha2, in which the API
 * server keeps no others. Those of openreports.io/v1alpha1 are the same.
 *
 * @param lacking fields of a result that the schema does not have
 */
export function reportDefinition(
  { group, version, plural, kind }: Resource,
  ...lacking: readonly (keyof typeof result)[]
): Document {
  const properties = Object.fromEntries(
    Object.entries(result).filter(([name]) => !lacking.some((each) => each === name)),
  );
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
    },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                scope: reference,
                scopeSelector: selector,
                summary: { type: 'object', properties: Object.fromEntries(counts) },
                results: { type: 'array', items: { type: 'object', required: ['policy'], properties } },
              },
            },
          },
        },
      ],
    },
  };
}
