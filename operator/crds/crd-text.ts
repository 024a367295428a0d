import { stringify } from 'yaml';
import type { ResourceDefinition } from '../api/shared/resource-definition.ts';
import { customResourceDefinition } from './custom-resource-definition.ts';

/** Returns the CustomResourceDefinition of an API as a manifest in YAML. */
export function crdText(resource: ResourceDefinition): string {
  return stringify(customResourceDefinition(resource), { lineWidth: 120, aliasDuplicateObjects: false });
}
