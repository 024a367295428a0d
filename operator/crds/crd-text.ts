import { stringify } from 'yaml';
import type { ResourceDefinition } from '../api/shared/resource-definition.ts';
import { customResourceDefinition } from './custom-resource-definition.ts';

/** Returns the CustomResourceDefinition of an API as a manifest in YAML. */
export function crdText(resource: ResourceDefinition): string {
  const options = { lineWidth: 120, aliasDuplicateObjects: false };
  // Kubernetes reads YAML 1.1, where off without quotes is a boolean.
  return stringify(customResourceDefinition(resource), { ...options, version: '1.1' });
}
