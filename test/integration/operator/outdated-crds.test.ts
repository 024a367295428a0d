import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { ArtifactObjects } from '#test/support/operator/artifact-objects';
import { type Json, manifest, OperatorCluster, until } from '#test/support/operator-cluster';

interface Definition {
  readonly spec: {
    readonly versions: {
      subresources?: object;
      readonly schema: {
        readonly openAPIV3Schema: {
          readonly properties: { readonly spec: { readonly properties: Record<string, unknown> } };
        };
      };
    }[];
  };
}

describePeers(apiserverRequirements, 'CustomResourceDefinitions of an older version', () => {
  let cluster: OperatorCluster;
  before(async () => {
    cluster = await OperatorCluster.start();
  });
  after(() => cluster?.stop());

  it('are reported with what they lack, and the command that replaces them', async () => {
    const { address } = cluster;
    await cluster.stopOperator();
    const [current] = manifest('crds/artifactbindings.yaml');
    assert.ok(current !== undefined);
    const older = structuredClone(current) as unknown as Definition;
    for (const version of older.spec.versions) {
      const { properties } = version.schema.openAPIV3Schema.properties.spec;
      delete properties['images'];
      delete properties['containers'];
      delete version.subresources;
    }
    await cluster.define(older as unknown as Json);
    await cluster.startOperator(address);
    const name = 'artifactbindings.fairlead.dev';
    const lacking = 'the subresource status of v1alpha1, spec.images of v1alpha1, spec.containers of v1alpha1';
    const report = `without ${lacking}: what objects have of these is dropped or refused`;
    await until('the event', async () => {
      const events = await new ArtifactObjects(cluster).events(name);
      return events.some(
        (event) =>
          event.startsWith('Warning OutdatedDefinition: ') &&
          event.includes(report) &&
          event.endsWith('fairlead operator manifests --crds.'),
      );
    });
    // The others are of this version.
    const reported = cluster.log.filter((line) => /is of an older version/.test(line));
    assert.equal(reported.length, 1, reported.join(''));
    assert.ok(reported[0]?.includes(name));
  });
});
