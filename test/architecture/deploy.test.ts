import { it } from 'node:test';
import { installation } from '#operator/manifests/installation';
import { assertGenerated } from '#test/support/generated';
import { kustomization } from '../../tools/deploy/kustomization.ts';

it('deploy/operator/kustomization.yaml lists the files of an installation', () => {
  assertGenerated('deploy/operator/kustomization.yaml', kustomization());
});

it('deploy/install.yaml is what fairlead operator manifests prints', () => {
  assertGenerated('deploy/install.yaml', installation({}));
});
