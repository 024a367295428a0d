import { injectLabel } from '../api/shared/inject-label.ts';
import type { JsonObject } from '../api/shared/json.ts';
import type { PrinterColumn, ResourceDefinition, ResourceVersion } from '../api/shared/resource-definition.ts';
import { structuralSchema } from './structural-schema.ts';

/** What every object of Kubernetes has. The API server checks `metadata` by itself. */
const objectProperties = {
  apiVersion: { description: 'The group and the version of the API.', type: 'string' },
  kind: { description: 'The kind of the object.', type: 'string' },
  metadata: { type: 'object' },
};

/**
 * Returns the CustomResourceDefinition of an API. Objects of an API with two versions are converted
 * by the webhook of the operator, which adds the authorities of its certificate because of the
 * label.
 */
export function customResourceDefinition(resource: ResourceDefinition): JsonObject {
  const { group, kind, plural, singular, shortNames, scope, stored, older } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      ...(older === undefined ? {} : { labels: { [injectLabel]: 'true' } }),
    },
    spec: {
      group,
      scope,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...(shortNames.length === 0 ? {} : { shortNames }),
        categories: ['fairlead'],
      },
      ...(older === undefined ? {} : { conversion }),
      versions: [version(resource, stored, true), ...(older === undefined ? [] : [version(resource, older, false)])],
    },
  };
}

const conversion = {
  strategy: 'Webhook',
  webhook: {
    clientConfig: {
      service: { namespace: 'fairlead-system', name: 'fairlead-operator', path: '/convert', port: 443 },
    },
    conversionReviewVersions: ['v1'],
  },
};

function version(resource: ResourceDefinition, { name, schema }: ResourceVersion, storage: boolean): JsonObject {
  const { properties, ...rules } = structuralSchema(schema) as { readonly properties: JsonObject } & JsonObject;
  return {
    name,
    served: true,
    storage,
    subresources: { status: {} },
    ...(resource.columns.length === 0 ? {} : { additionalPrinterColumns: resource.columns.map(column) }),
    schema: {
      openAPIV3Schema: {
        description: resource.description,
        ...rules,
        properties: { ...objectProperties, ...properties },
      },
    },
  };
}

function column({ name, type, jsonPath, priority }: PrinterColumn): JsonObject {
  return { name, type, jsonPath, ...(priority === undefined ? {} : { priority }) };
}
