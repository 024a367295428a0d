import { injectLabel } from '../api/shared/inject-label.ts';
import type { JsonObject } from '../api/shared/json.ts';
import {
  type PrinterColumn,
  profilesGroup,
  type ResourceDefinition,
  type ResourceVersion,
} from '../api/shared/resource-definition.ts';
import { structuralSchema } from './structural-schema.ts';

/** What every object of Kubernetes has. The API server checks `metadata` by itself. */
const objectProperties = {
  apiVersion: { description: 'The group and the version of the API.', type: 'string' },
  kind: { description: 'The kind of the object.', type: 'string' },
  metadata: { type: 'object' },
};

/**
 * Returns the CustomResourceDefinition of an API. Objects are converted by the webhook of the
 * operator, which adds the authorities of its certificate because of the label.
 */
export function customResourceDefinition(resource: ResourceDefinition): JsonObject {
  const { kind, plural, singular, shortNames, scope, stored, older } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${profilesGroup}`, labels: { [injectLabel]: 'true' } },
    spec: {
      group: profilesGroup,
      scope,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...(shortNames.length === 0 ? {} : { shortNames }),
        categories: ['fairlead'],
      },
      conversion: {
        strategy: 'Webhook',
        webhook: {
          clientConfig: {
            service: { namespace: 'fairlead-system', name: 'fairlead-operator', path: '/convert', port: 443 },
          },
          conversionReviewVersions: ['v1'],
        },
      },
      versions: [version(resource, stored, true), version(resource, older, false)],
    },
  };
}

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
