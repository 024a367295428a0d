import { bindingColumns } from '../shared/bound-profile.ts';
import { fairleadGroup, type ResourceDefinition } from '../shared/resource-definition.ts';
import { artifactBindingSchema } from './v1alpha1.ts';

/** ArtifactBinding. */
export const artifactBindingResource: ResourceDefinition = {
  group: fairleadGroup,
  kind: 'ArtifactBinding',
  plural: 'artifactbindings',
  singular: 'artifactbinding',
  shortNames: ['ab'],
  scope: 'Namespaced',
  description:
    'Runs containers of its namespace under a security profile that is an OCI artifact. When a pod that podSelector selects is ' +
    'created, its containers that images and containers select (init and ephemeral ones too) get the artifact as their Localhost ' +
    'seccomp profile. Where the pod asks for RuntimeDefault, the artifact is intersected with it. A pod that asks for anything else ' +
    '(Unconfined, another profile, a privileged container) contradicts the binding and is refused. Of several bindings the most ' +
    'specific one decides; if two are equally specific, a pod to which they give different profiles is refused. Pods that run ' +
    'already are not changed.',
  columns: bindingColumns,
  stored: { name: 'v1alpha1', schema: artifactBindingSchema },
};
